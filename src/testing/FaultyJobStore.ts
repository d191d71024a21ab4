import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { JobStore } from "../ports/JobStore.ts"
import { StoreError } from "../ports/StoreError.ts"
import { Delaying } from "./Stillness.ts"

/** A method of the store, by name. */
export type Method = keyof JobStore["Service"]

/** Which calls go wrong. What is left out is not asked. */
export interface When {
  /** The calls of these methods; of all when left out. */
  readonly method?: Method | ReadonlyArray<Method>
  /** Not the first so many of them. */
  readonly after?: number
  /** So many at most. */
  readonly times?: number
  /** Each with this chance, from 0 to 1, as the seed decides. */
  readonly probability?: number
}

/** What goes wrong with a call. */
export type What =
  /** It fails, and nothing has happened. */
  | { readonly _tag: "FailsBefore" }
  /** It fails, although it has happened: its reply is lost. */
  | { readonly _tag: "FailsAfter" }
  /** It takes so much longer, before it happens. */
  | { readonly _tag: "Slow"; readonly millis: number }
  /** It happens twice, with the same arguments, and the second reply is answered. */
  | { readonly _tag: "Repeats" }

/** Which calls go wrong, and how. */
export interface Fault extends When {
  readonly what: What
}

/** Calls that fail without having happened. */
export const failsBefore = (when: When = {}): Fault => ({ ...when, what: { _tag: "FailsBefore" } })

/** Calls that happen, and whose replies are lost. */
export const failsAfter = (when: When = {}): Fault => ({ ...when, what: { _tag: "FailsAfter" } })

/** Calls that take longer. Under the testing kit that is virtual time. */
export const slow = (by: Duration.Input, when: When = {}): Fault => ({
  ...when,
  what: { _tag: "Slow", millis: Duration.toMillis(Duration.fromInputUnsafe(by)) }
})

/** Calls that happen twice, as when a driver sends a command again. */
export const repeats = (when: When = {}): Fault => ({ ...when, what: { _tag: "Repeats" } })

/** A fault, and what it did so far. */
interface Planned {
  readonly fault: Fault
  readonly methods: ReadonlySet<string> | undefined
  seen: number
  done: number
}

const planned = (fault: Fault): Planned => ({
  fault,
  methods: fault.method === undefined ? undefined : new Set([fault.method].flat()),
  seen: 0,
  done: 0
})

/** Whether a call goes wrong. Every call counts, so that plans can be followed by hand. */
const strikes = (plan: Planned, method: string, random: Random.Random): boolean => {
  if (plan.methods !== undefined && !plan.methods.has(method)) return false
  const { after = 0, probability = 1, times = Number.POSITIVE_INFINITY } = plan.fault
  plan.seen++
  if (plan.seen <= after || plan.done >= times) return false
  if (probability < 1 && random.nextDoubleUnsafe() >= probability) return false
  plan.done++
  return true
}

const injected = (operation: string) =>
  new StoreError({
    operation,
    reason: "unavailable",
    retryable: true,
    cause: new Error("injected by FaultyJobStore")
  })

const struck = <A>(
  call: Effect.Effect<A, StoreError>,
  method: string,
  { what }: Fault
): Effect.Effect<A, StoreError> => {
  switch (what._tag) {
    case "FailsBefore":
      return Effect.fail(injected(method))
    case "FailsAfter":
      return Effect.andThen(call, Effect.fail(injected(method)))
    case "Slow":
      return Effect.andThen(Effect.provideService(Effect.sleep(what.millis), Delaying, true), call)
    case "Repeats":
      return Effect.andThen(call, call)
  }
}

/**
 * Steers a faulty store while a test runs.
 *
 * @category testing
 * @since 0.1.0
 */
export class FaultyJobStore extends Context.Service<
  FaultyJobStore,
  {
    /** Adds a fault to those that are there. */
    readonly inject: (fault: Fault) => Effect.Effect<void>
    /** Ends all faults. */
    readonly heal: Effect.Effect<void>
    /** How many calls went wrong so far. */
    readonly count: Effect.Effect<number>
  }
>()("winterq/testing/FaultyJobStore") {}

/**
 * Puts a store that fails, loses replies, is slow or repeats calls in the place of any other, as planned: by method, by
 * count, or by chance and seed.
 *
 * **Shape** `FaultyJobStore.layer([FaultyJobStore.failsAfter({ method: "exchange", times: 3 })]).pipe(
 * Layer.provideMerge(Memory.layer))`. When several faults strike one call, the first is nearest to the store. Workers
 * and clients must make the best of it: every method may be repeated. On Redis, jobs that come to a worker along with a
 * wait or an enqueue pass no `exchange`, and meet no fault of it.
 * **Errors** injected failures are a `StoreError` that is `unavailable` and `retryable`.
 * **Example** examples/testing-an-app.ts
 * @category testing
 * @since 0.1.0
 */
export const layer = (
  faults: ReadonlyArray<Fault> = [],
  options: { readonly seed?: string | number } = {}
): Layer.Layer<JobStore | FaultyJobStore, never, JobStore> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const store = yield* JobStore
      const random = yield* Random.withSeed(Effect.service(Random.Random), options.seed ?? 0)
      let plans = faults.map(planned)
      let count = 0
      const wrap = (method: string, call: Effect.Effect<unknown, StoreError>): Effect.Effect<unknown, StoreError> =>
        Effect.suspend(() => {
          const striking = plans.filter((plan) => strikes(plan, method, random))
          count += striking.length
          return striking.reduce((wrapped, { fault }) => struck(wrapped, method, fault), call)
        })
      type Call = (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, StoreError>
      const faulty = Object.fromEntries(
        Object.entries(store).map(([method, call]) => [
          method,
          (...args: ReadonlyArray<unknown>) =>
            wrap(
              method,
              Effect.suspend(() => (call as Call)(...args))
            )
        ])
      ) as unknown as JobStore["Service"]
      return Context.make(JobStore, faulty).pipe(
        Context.add(
          FaultyJobStore,
          FaultyJobStore.of({
            inject: (fault) =>
              Effect.sync(() => {
                plans = [...plans, planned(fault)]
              }),
            heal: Effect.sync(() => {
              plans = []
            }),
            count: Effect.sync(() => count)
          })
        )
      )
    })
  )
