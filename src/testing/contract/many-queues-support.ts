import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { type JobInfo, Worker } from "../../features/worker/Worker.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { Wakeups } from "../../ports/Wakeups.ts"
import { job } from "./support.ts"
import { makeQueue, type TestQueue } from "./TestQueue.ts"
import { Echo, eventually } from "./worker-support.ts"

/** Queues of one test, named by letters. */
export const siblings = <const Letters extends ReadonlyArray<string>>(queue: TestQueue, ...letters: Letters) =>
  Effect.forEach(letters, (letter) => makeQueue(`${queue.name}.${letter}`)) as Effect.Effect<
    { readonly [K in keyof Letters]: TestQueue },
    never,
    Effect.Services<ReturnType<typeof makeQueue>>
  >

export const letterOf = (info: JobInfo): string => info.queue.at(-1)!

const echo = (id: string) => job(id, { kind: Echo.kind, payload: `{"text":"${id}"}` })

/** Past `TestQueue`, whose counts do not agree while a worker runs. */
export const fill = (queue: TestQueue, count: number, from = 0) =>
  JobStore.use((store) =>
    store.enqueue(
      queue.name,
      Array.from({ length: count }, (_, i) => echo(`${from + i}`))
    )
  )

/** The letters of the queues in the order in which their jobs were started, up to a count. */
export const recorder = Effect.fnUntraced(function* (count: number) {
  const starts: Array<string> = []
  const all = yield* Deferred.make<void>()
  const record = (info: JobInfo) => {
    starts.push(letterOf(info))
    if (starts.length === count) Deferred.doneUnsafe(all, Effect.void)
  }
  return {
    starts,
    record,
    all: Deferred.await(all),
    run: (_: unknown, info: JobInfo) => Effect.sync(() => (record(info), ""))
  }
})

export const countOf = (starts: ReadonlyArray<string>, letter: string): number =>
  starts.filter((other) => other === letter).length

/** A handler that runs until it is told to end, and what runs of it. */
export const gated = () => {
  const gates: Array<{ readonly letter: string; readonly gate: Deferred.Deferred<string> }> = []
  let most = 0
  const running = (letter?: string) => gates.filter((one) => letter === undefined || one.letter === letter).length
  return {
    running,
    most: () => most,
    run: (_: unknown, info: JobInfo) =>
      Effect.suspend(() => {
        const one = { letter: letterOf(info), gate: Deferred.makeUnsafe<string>() }
        gates.push(one)
        most = Math.max(most, gates.length)
        return Deferred.await(one.gate)
      }),
    /** Ends the handler that has run longest. */
    endOne: (letter?: string) =>
      Effect.suspend(() => {
        const at = gates.findIndex((one) => letter === undefined || one.letter === letter)
        const [one] = gates.splice(at, 1)
        return Effect.as(Deferred.succeed(one!.gate, ""), one!.letter)
      }),
    reaches: (counts: Readonly<Record<string, number>>) =>
      eventually(Effect.sync(() => Object.entries(counts).every(([letter, count]) => running(letter) === count)))
  }
}

export const workerOf = <E, R>(built: Effect.Effect<Context.Context<Worker>, E, R>) =>
  Effect.map(built, (services) => Context.get(services, Worker))

/** The store, with exchanges of one queue that bring jobs answered only when they may be. */
export const slowStore = Effect.fnUntraced(function* (slow: TestQueue) {
  const store = yield* JobStore
  const asked = yield* Deferred.make<void>()
  const answer = yield* Deferred.make<void>()
  return {
    asked: Deferred.await(asked),
    answer: Deferred.succeed(answer, undefined),
    store: JobStore.of({
      ...store,
      exchange: (request) =>
        Effect.tap(store.exchange(request), ({ claimed }) =>
          request.queue === slow.name && claimed.length > 0
            ? Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(answer))
            : Effect.void
        )
    })
  }
})

/** Wake-ups that tell whether a wait is under way. */
export const countedWakeups = Effect.map(Wakeups, (wakeups) => {
  let begun = 0
  let ended = 0
  let closed = 0
  return {
    /** Subscriptions that are over, and take no signals any more. */
    closed: () => closed,
    /** Gives a signal; done when it has ended a wait, or when none is under way: then it ends the next one. */
    heard: <A, E, R>(signal: Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        const before = ended
        return Effect.andThen(signal, eventually(Effect.sync(() => ended > before || begun === ended)))
      }),
    waiting: eventually(Effect.sync(() => begun > ended)),
    wakeups: Wakeups.of({
      subscribe: Effect.fnUntraced(function* (queues) {
        // registered first, so that it runs last
        yield* Effect.addFinalizer(() => Effect.sync(() => closed++))
        const { pass, wait } = yield* wakeups.subscribe(queues)
        return {
          wait: (millis) =>
            Effect.suspend(() => {
              begun++
              return Effect.ensuring(
                wait(millis),
                Effect.sync(() => ended++)
              )
            }),
          pass
        }
      })
    })
  }
})

export const completed = (queue: TestQueue) => Effect.map(queue.counters, ({ completed }) => completed)
