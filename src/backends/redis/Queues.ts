import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { EpochMillis, JobState } from "../../domain/Job.ts"
import { checkQueue } from "../../domain/limits.ts"
import { refusalOf } from "../../ports/checks.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { Answer, type AnsweredCommand, type ReplyForm } from "./AnsweredCommand.ts"
import type { Connection } from "./Connection.ts"
import { Caller } from "./Gate.ts"
import { type Keys, keysOf, noticePrefix, type QueueKey, registryKey } from "./keys.ts"
import { ScriptCall } from "./ScriptCall.ts"
import type { Script } from "./scripts/Script.ts"
import { storeError } from "./store-error.ts"

/** Whose clock scripts go by: the server's, or Effect's (for contract runs under TestClock). */
export type StoreClock = "server" | "effect"

/** The argument every script starts with that depends on time; empty lets the server look at its own clock. */
export type Now = string

/** Runs scripts on a queue's keys: what the stores of this backend are written on. */
export interface Queues {
  /** Runs a script with the keys it declares; `now` comes first in its arguments when it asks for it. */
  readonly run: <A>(
    operation: string,
    script: Script,
    queue: string,
    args: ReadonlyArray<string | number>,
    index?: JobState
  ) => Effect.Effect<A, StoreError>
  /** The same without an effect around it; the arguments are asked for whenever it is sent. */
  readonly send: (
    script: Script,
    queue: string,
    now: Now,
    args: () => ReadonlyArray<string | number>,
    answer: Answer,
    form: ReplyForm,
    caller?: Caller,
    index?: JobState
  ) => void
  /** A script with the keys it declares, by the server's clock, for a connection of one's own; answered in bytes. */
  readonly command: (
    script: Script,
    queue: string,
    args: ReadonlyArray<string | number>
  ) => (answer: Answer) => AnsweredCommand
  /** What scripts shall take as now, given Effect's clock. */
  readonly nowBy: (clock: Clock.Clock) => Now
  readonly keys: (queue: string) => Keys
  /** The store's clock: the answer of the server, or Effect's clock instead. */
  readonly storeNow: <E>(server: Effect.Effect<EpochMillis, E>) => Effect.Effect<EpochMillis, E>
  /** What the channels of notices start with. */
  readonly notices: string
  readonly readField: (
    operation: string,
    queue: string,
    key: QueueKey,
    field: string
  ) => Effect.Effect<string | null, StoreError>
  /** Names the queue in the registry: once per process, and once a minute after that, since somebody may remove it. */
  readonly register: (operation: string, queue: string) => Effect.Effect<void, StoreError>
  /** The same, but a store that is full, and takes no new name, is no failure. */
  readonly registerIfRoom: (operation: string, queue: string) => Effect.Effect<void, StoreError>
  /** Takes the queue out of the registry. */
  readonly unregister: (operation: string, queue: string) => Effect.Effect<void, StoreError>
  /** The same without an effect around it. */
  readonly enter: (queue: string, answer: Answer, caller: Caller) => void
}

/** The names of one queue, and the scripts that are sent with them, each put together once. */
class Names {
  readonly keys: Keys
  readonly #calls = new Map<Script, ScriptCall>()

  constructor(prefix: string, queue: string) {
    this.keys = keysOf(prefix, queue)
  }

  call(script: Script, index: JobState | undefined): ScriptCall {
    let call = index === undefined ? this.#calls.get(script) : undefined
    if (call === undefined) {
      call = new ScriptCall(
        script,
        script.keys.map((key) => this.keys[key === "index" ? index! : key])
      )
      if (index === undefined) this.#calls.set(script, call)
    }
    return call
  }
}

/** Of the machine, whatever clock a test has. */
const wallClock = Context.get(Context.empty(), Clock.Clock)

/** How long a name that was registered is taken to be there still. */
const registeredMillis = 60_000

export const make = (connection: Connection, storeClock: StoreClock): Queues => {
  const namesOf = new Map<string, Names>()
  /** By when each was named last. */
  const registered = new Map<string, number>()
  const ignored = () => undefined
  const nameAgain = (names: Iterable<string>) =>
    connection.call((commands) => commands.sadd(registryKey(connection.prefix), ...names), {
      succeed: ignored,
      fail: () => registered.clear()
    })
  connection.onReturn(() => {
    if (registered.size > 0) nameAgain(registered.keys())
  })

  const names = (queue: string): Names => {
    let found = namesOf.get(queue)
    if (found === undefined) {
      // a name from elsewhere must not reach into another queue's keys
      Result.getOrThrow(checkQueue(queue))
      found = new Names(connection.prefix, queue)
      namesOf.set(queue, found)
    }
    return found
  }

  const argsFor = (script: Script, now: Now, args: ReadonlyArray<string | number>) =>
    script.args[0] === "now" ? [now, ...args] : args

  const send: Queues["send"] = (script, queue, now, args, answer, form, caller, index) => {
    const isGood = namesOf.has(queue) ? undefined : checkQueue(queue)
    if (isGood !== undefined && Result.isFailure(isGood)) answer.fail(isGood.failure)
    else connection.run(names(queue).call(script, index), () => argsFor(script, now, args()), answer, form, caller)
  }

  const enter: Queues["enter"] = (queue, answer, caller) => {
    const namedAt = registered.get(queue)
    if (namedAt !== undefined) {
      const now = wallClock.currentTimeMillisUnsafe()
      if (now - namedAt > registeredMillis) {
        registered.set(queue, now)
        nameAgain([queue])
      }
      return answer.succeed(undefined)
    }
    const good = checkQueue(queue)
    if (Result.isFailure(good)) return answer.fail(good.failure)
    const entered = () => {
      registered.set(queue, wallClock.currentTimeMillisUnsafe())
      answer.succeed(undefined)
    }
    connection.call(
      (commands) => commands.sadd(registryKey(connection.prefix), queue),
      new Answer(entered, answer.fail),
      caller
    )
  }

  const register: Queues["register"] = (operation, queue) =>
    Effect.callback((resume) => {
      const caller = new Caller()
      const answer = new Answer(
        () => resume(Effect.void),
        (cause) => resume(Effect.fail(storeError(operation)(cause)))
      )
      enter(queue, answer, caller)
      return Effect.sync(() => caller.leave())
    })

  const nowBy = (clock: Clock.Clock): Now =>
    storeClock === "server" ? "" : String(Math.floor(clock.currentTimeMillisUnsafe()))

  return {
    keys: (queue) => names(queue).keys,
    notices: noticePrefix(connection.prefix),
    readField: (operation, queue, key, field) =>
      refusalOf(operation, checkQueue(queue)) ??
      connection.ask(operation, (commands) => commands.hget(names(queue).keys[key], field)),
    nowBy,
    storeNow: (server) => (storeClock === "server" ? server : Clock.currentTimeMillis),
    send,
    command: (script, queue, args) => (answer) =>
      names(queue)
        .call(script, undefined)
        .command(argsFor(script, "", args), "bytes", answer),
    run: <A>(
      operation: string,
      script: Script,
      queue: string,
      args: ReadonlyArray<string | number>,
      index?: JobState
    ) =>
      Clock.clockWith((clock) =>
        Effect.callback<A, StoreError>((resume) => {
          const answer = new Answer(
            (reply) => resume(Effect.succeed(reply as A)),
            (cause) => resume(Effect.fail(storeError(operation)(cause)))
          )
          const caller = new Caller()
          send(script, queue, nowBy(clock), () => args, answer, "text", caller, index)
          return Effect.sync(() => caller.leave())
        })
      ),
    register,
    registerIfRoom: (operation, queue) =>
      Effect.catchIf(
        register(operation, queue),
        ({ reason }) => reason === "full",
        () => Effect.void
      ),
    unregister: (operation, queue) =>
      connection
        .ask(operation, (commands) => commands.srem(registryKey(connection.prefix), queue))
        .pipe(
          Effect.andThen(
            Effect.sync(() => {
              registered.delete(queue)
            })
          )
        ),
    enter
  }
}
