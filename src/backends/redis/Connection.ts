import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { Cluster, Redis as IORedis } from "ioredis"
import type { Answer, ReplyForm } from "./AnsweredCommand.ts"
import { clusterSubscriberOf } from "./cluster-subscriber.ts"
import { blockMillis, clusterOptions, type ConnectionOptions, driverOptions } from "./driver-options.ts"
import { clusterEarOf, type Ear, earOf } from "./ears.ts"
import { type Caller, Gate } from "./Gate.ts"
import { Outages } from "./Outages.ts"
import { RedisUnsuitable } from "./RedisUnsuitable.ts"
import { reconnect } from "./revive.ts"
import type { ScriptCall } from "./ScriptCall.ts"
import { messageOf } from "./store-error.ts"
import { type Subscriber, subscriberOf } from "./subscriber.ts"
import { watchServer } from "./watch-server.ts"

/** The commands outside of scripts, and more connections. */
interface Commands {
  readonly hdel: (key: string, field: string) => Promise<number>
  /** Where to go on ("0" at the end), and fields and values in turn. */
  readonly hscan: (key: string, cursor: string, count: number) => Promise<readonly [string, ReadonlyArray<string>]>
  /** Sets a field of a hash; answers what it was. */
  readonly replaceField: (key: string, field: string, value: string) => Promise<string | null>
  readonly configGet: (server: number, name: string) => Promise<string | undefined>
  readonly get: (key: string) => Promise<string | null>
  readonly hget: (key: string, field: string) => Promise<string | null>
  /** INFO of every server that takes writes. */
  readonly infos: () => Promise<ReadonlyArray<{ readonly address: string; readonly info: string }>>
  readonly publish: (channel: string, message: string) => Promise<unknown>
  readonly sadd: (key: string, ...members: ReadonlyArray<string>) => Promise<number>
  readonly smembers: (key: string) => Promise<ReadonlyArray<string>>
  /** The server's clock, epoch milliseconds. */
  readonly time: () => Promise<number>
  readonly zadd: (key: string, score: number, member: string) => Promise<unknown>
  /** Opens a connection for subscriptions. */
  readonly duplicate: () => Subscriber
}

/**
 * One connection for commands, and the means to open others that block. Every call is bounded by the timeout,
 * reconnecting included, and none is sent to a server that is not suitable.
 */
export interface Connection {
  readonly client: Commands
  readonly prefix: string
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
  /** Whether the server is there, and known to be suitable. */
  readonly isOpen: () => boolean
  /** Ears that hear the markers of these keys between them, closed with the scope. */
  readonly openEars: (wakeKeys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Ear>, never, Scope.Scope>
  readonly outages: Outages
  /** Calls back when a server was found suitable, before calls go on: it may not hold what the one before held. */
  readonly onReturn: (callback: () => void) => void
}

const unreachable = (detail: string) => new RedisUnsuitable({ reason: "unreachable", detail })

/** What a refused transaction rejects with tells its reason apart. */
const whyAborted = (error: unknown): unknown =>
  (error as { readonly previousErrors?: ReadonlyArray<unknown> }).previousErrors?.[0] ?? error

const replaceField = (client: IORedis | Cluster, key: string, field: string, value: string) =>
  client
    .multi()
    .hget(key, field)
    .hset(key, field, value)
    .exec()
    .then(
      (replies) => {
        const failed = replies?.find(([error]) => error !== null)?.[0]
        if (failed) throw failed
        return (replies?.[0]?.[1] ?? null) as string | null
      },
      (error: unknown) => Promise.reject(whyAborted(error))
    )

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

  const masters = () => (client instanceof Cluster ? client.nodes("master") : [client])

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
  const blocking = {
    ...named("wakeups"),
    enableOfflineQueue: true,
    // a command is answered when its wait is over; without an answer long after that, its socket is dead
    socketTimeout: blockMillis + options.timeoutMillis
  }
  const earsOf = (wakeKeys: ReadonlyArray<string>): ReadonlyArray<Ear> =>
    client instanceof Cluster
      ? wakeKeys.map((key) => clusterEarOf(client, blocking, key))
      : [earOf("redis", () => new IORedis(options.url, blocking), wakeKeys)]

  const subscribing = {
    ...named("notices"),
    autoResubscribe: false,
    enableOfflineQueue: true,
    maxRetriesPerRequest: null
  }
  const duplicate = (): Subscriber =>
    client instanceof Cluster
      ? clusterSubscriberOf(client, subscribing, options.timeoutMillis, random)
      : subscriberOf(new IORedis(options.url, subscribing), options.timeoutMillis)

  return {
    client: {
      duplicate,
      hdel: (key, field) => gate.call(() => client.hdel(key, field)),
      hscan: (key, cursor, count) => gate.call(() => client.hscan(key, cursor, "COUNT", count)),
      replaceField: (key, field, value) => gate.call(() => replaceField(client, key, field, value)),
      configGet: (server, name) =>
        gate.call(() => masters()[server]!.config("GET", name)).then((reply) => (reply as ReadonlyArray<string>)[1]),
      get: (key) => gate.call(() => client.get(key)),
      hget: (key, field) => gate.call(() => client.hget(key, field)),
      infos: () =>
        gate.call(() =>
          Promise.all(
            masters().map((master) =>
              master.info().then((info) => ({ address: `${master.options.host}:${master.options.port}`, info }))
            )
          )
        ),
      publish: (channel, message) => gate.call(() => client.publish(channel, message)),
      sadd: (key, ...members) => gate.call(() => client.sadd(key, ...members)),
      smembers: (key) => gate.call(() => client.smembers(key)),
      time: () =>
        gate
          .call(() => masters()[0]!.time())
          .then(([seconds, micros]) => Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)),
      zadd: (key, score, member) => gate.call(() => client.zadd(key, score, member))
    },
    prefix: options.prefix,
    run,
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
