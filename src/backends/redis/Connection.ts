import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { Cluster, Redis as IORedis } from "ioredis"
import type { StoreError } from "../../ports/StoreError.ts"
import { Answer, type ReplyForm } from "./AnsweredCommand.ts"
import { clusterSubscriberOf } from "./cluster-subscriber.ts"
import { type Commands, commandsOf } from "./commands.ts"
import { blockMillis, clusterOptions, type ConnectionOptions, driverOptions } from "./driver-options.ts"
import { clusterEarOf, type Ear, earOf } from "./ears.ts"
import { Caller, Gate } from "./Gate.ts"
import { Outages } from "./Outages.ts"
import { RedisUnsuitable } from "./RedisUnsuitable.ts"
import { reconnect } from "./revive.ts"
import type { ScriptCall } from "./ScriptCall.ts"
import { endSilent } from "./silence.ts"
import { messageOf, storeError } from "./store-error.ts"
import { type Subscriber, subscriberOf } from "./subscriber.ts"
import { takeInAtOnce } from "./take-in-at-once.ts"
import { watchServer } from "./watch-server.ts"

/**
 * One connection for commands, and the means to open others that block. Every call is bounded by the timeout,
 * reconnecting included, and none is sent to a server that is not suitable.
 */
export interface Connection {
  readonly prefix: string
  /** Sends commands outside of scripts, unless the fiber is interrupted before. */
  readonly ask: <A>(operation: string, send: (commands: Commands) => Promise<A>) => Effect.Effect<A, StoreError>
  /** The same, with callbacks. */
  readonly call: (send: (commands: Commands) => Promise<unknown>, answer: Answer, caller?: Caller) => void
  /**
   * Runs a script, loading it when the server does not know it (yet, or after SCRIPT FLUSH). Its arguments are asked for
   * whenever it is sent.
   */
  readonly run: (
    script: ScriptCall,
    args: () => ReadonlyArray<string | number>,
    answer: Answer,
    form: ReplyForm,
    caller?: Caller
  ) => void
  /** Opens a connection for subscriptions. */
  readonly subscriber: () => Subscriber
  /** Whether the server is there, and known to be suitable. */
  readonly isOpen: () => boolean
  /** Ears that hear the markers of these keys between them, closed with the scope. */
  readonly openEars: (wakeKeys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Ear>, never, Scope.Scope>
  readonly outages: Outages
  /** Calls back when a server was found suitable, before calls go on: it may not hold what the one before held. */
  readonly onReturn: (callback: () => void) => void
}

const unreachable = (detail: string) => new RedisUnsuitable({ reason: "unreachable", detail })

/** Opens and checks a connection; it is closed with the scope, after what was sent has been answered. */
export const open = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const services = yield* Effect.context<never>()
  const log = (line: Effect.Effect<void>) => void Effect.runForkWith(services)(line)
  const random = () => Context.get(services, Random.Random).nextDoubleUnsafe()
  const base = driverOptions(options, random)
  const { cluster } = options
  const client =
    cluster === undefined
      ? new IORedis(options.url, base)
      : new Cluster([...cluster.nodes], clusterOptions(base, cluster.options))
  // a call without an answer for this long has failed, and its connection is not trusted any more
  endSilent(client, options.timeoutMillis)
  takeInAtOnce(client)
  const gate = new Gate(options.timeoutMillis, () => {
    // a cluster tells by itself who its masters are
    if (client instanceof Cluster) return false
    reconnect(client)
    return true
  })
  const outages = new Outages(log)
  const watcher = watchServer(client, gate, outages, options, log)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => watcher.close()).pipe(
      Effect.andThen(Effect.promise(() => client.quit())),
      Effect.timeoutOption("1 second"),
      Effect.ignoreCause,
      Effect.andThen(Effect.sync(() => client.disconnect()))
    )
  )
  const verdict = yield* Effect.promise(() => watcher.start()).pipe(
    Effect.timeoutOrElse({
      duration: options.timeoutMillis,
      orElse: () => {
        const cause = watcher.lastError()
        const why = cause === undefined ? "" : `: ${messageOf(cause)}`
        return Effect.succeed(unreachable(`no answer within ${options.timeoutMillis} ms${why}`))
      }
    })
  )
  if (verdict !== undefined) return yield* Effect.fail(verdict)
  watcher.started()

  const commands = commandsOf(client)

  const call: Connection["call"] = (send, answer, caller) =>
    gate.send(
      (told) =>
        void send(commands).then(
          (reply) => told.succeed(reply),
          (error) => told.fail(error)
        ),
      answer,
      caller
    )

  const run: Connection["run"] = (script, args, answer, form, caller) => {
    let isKnown = true
    const send = (answer: Answer): void => {
      client.sendCommand(isKnown ? script.command(args(), form, answer) : script.whole(args(), form, answer))
    }
    const isUnknown = (error: unknown): boolean => {
      if (!isKnown || !messageOf(error).startsWith("NOSCRIPT")) return false
      isKnown = false
      return true
    }
    gate.send(send, answer, caller, isUnknown)
  }

  const named = (purpose: string) => ({ ...base, connectionName: `${base.connectionName}-${purpose}` })
  const blocking = { ...named("wakeups"), enableOfflineQueue: true }
  // a command is answered when its wait is over; without an answer long after that, its socket is dead
  const silentMillis = blockMillis + options.timeoutMillis
  const earsOf = (wakeKeys: ReadonlyArray<string>): ReadonlyArray<Ear> =>
    client instanceof Cluster
      ? wakeKeys.map((key) => clusterEarOf(client, blocking.connectionName, silentMillis, key))
      : [earOf("redis", () => new IORedis(options.url, blocking), silentMillis, wakeKeys)]

  const subscribing = {
    ...named("notices"),
    autoResubscribe: false,
    enableOfflineQueue: true,
    maxRetriesPerRequest: null
  }
  const subscriber = (): Subscriber =>
    client instanceof Cluster
      ? clusterSubscriberOf(client, subscribing, options.timeoutMillis, random)
      : subscriberOf(new IORedis(options.url, subscribing), options.timeoutMillis)

  return {
    prefix: options.prefix,
    ask: (operation, send) =>
      Effect.callback((resume) => {
        const answer = new Answer(
          (reply) => resume(Effect.succeed(reply as never)),
          (cause) => resume(Effect.fail(storeError(operation)(cause)))
        )
        const caller = new Caller()
        call(send, answer, caller)
        return Effect.sync(() => caller.leave())
      }),
    call,
    run,
    subscriber,
    isOpen: () => gate.isOpen,
    openEars: (wakeKeys) =>
      Effect.acquireRelease(
        Effect.sync(() => earsOf(wakeKeys)),
        (ears) =>
          Effect.promise(() => {
            for (const ear of ears) outages.forget(ear)
            return Promise.all(ears.map((ear) => ear.close()))
          })
      ),
    outages,
    onReturn: watcher.onReturn
  } satisfies Connection
})
