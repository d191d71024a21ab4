import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import { assert, describe, it as test } from "vitest"
import { Backoff, Client, JobStore, QueueControl, StoreError, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"
import * as Testing from "winterq/testing"
import { FaultyJobStore } from "winterq/testing"
import { testApp } from "winterq/testing/vitest"

class Count extends Task.make("faulty.count", {
  payload: { n: Schema.Int },
  maxAttempts: 5,
  backoff: Backoff.fixed("1 second")
}) {}

const appOf = (ran: Array<number>) =>
  Worker.layer({ tasks: [Count], log: false, drain: 0, concurrency: 3 }).pipe(
    Layer.provide(
      Worker.handler(Count, ({ n }) =>
        Effect.suspend(() => {
          ran.push(n)
          return n % 3 === 0 && ran.filter((other) => other === n).length < 3 ? Effect.fail("later") : Effect.void
        })
      )
    ),
    Layer.provideMerge(Client.layer)
  )

const faulty = (faults: ReadonlyArray<FaultyJobStore.Fault>, seed?: number) =>
  FaultyJobStore.layer(faults, seed === undefined ? {} : { seed }).pipe(Layer.provideMerge(Memory.layer))

describe("a store that fails", () => {
  const failing = testApp(appOf([]), faulty([FaultyJobStore.failsBefore({ method: "enqueue", after: 1, times: 1 })]))

  failing(
    "before: nothing has happened",
    Effect.gen(function* () {
      yield* Client.enqueue(Count, { n: 1 })
      const error = yield* Effect.flip(Client.enqueue(Count, { n: 2 }))
      yield* Client.enqueue(Count, { n: 4 })

      assert.instanceOf(error, StoreError)
      assert.isTrue(error.retryable)
      const { completed } = yield* Testing.runUntilIdle()
      assert.strictEqual(completed, 2)
    })
  )

  const losing = testApp(appOf([]), faulty([FaultyJobStore.failsAfter({ method: "enqueue", times: 1 })]))

  losing(
    "after: it has happened, and the same call again says so",
    Effect.gen(function* () {
      const enqueue = Client.enqueue(Count, { n: 1 }, { id: "one" })
      const error = yield* Effect.flip(enqueue)
      const again = yield* enqueue

      assert.instanceOf(error, StoreError)
      assert.strictEqual(again.outcome, "existing")
    })
  )

  const ran: Array<number> = []
  const slow = testApp(appOf(ran), faulty([FaultyJobStore.slow("2 seconds", { method: "exchange", times: 2 })]))

  slow(
    "slowly: time passes, and nothing else",
    Effect.gen(function* () {
      yield* Client.enqueue(Count, { n: 1 })

      const summary = yield* Testing.runUntilIdle()

      assert.deepStrictEqual(ran, [1])
      assert.deepInclude(summary, { completed: 1, elapsedMillis: 4000, stopped: "idle" })
    })
  )

  const sluggish = testApp(appOf([]), faulty([FaultyJobStore.slow("7 seconds")]))

  sluggish(
    "slowly for ever: idle when nothing is left but looks",
    Effect.gen(function* () {
      yield* Testing.runUntil(Client.enqueueMany(Count, [{ n: 1 }, { n: 2 }]))

      const summary = yield* Testing.runUntilIdle()

      assert.deepInclude(summary, { completed: 2, stopped: "idle" })
      assert.isBelow(summary.elapsedMillis, 60_000)
    })
  )

  const twice = testApp(appOf([]), faulty([FaultyJobStore.repeats()]))

  twice(
    "twice: every call may be repeated",
    Effect.gen(function* () {
      yield* Client.enqueueMany(Count, [{ n: 1 }, { n: 2 }, { n: 3 }])

      const { completed, retry } = yield* Testing.runUntilIdle()

      assert.deepStrictEqual([completed, retry], [3, 2])
    })
  )

  const steered = testApp(appOf([]), faulty([]))

  steered(
    "for as long as a test wants",
    Effect.gen(function* () {
      const faults = yield* FaultyJobStore.FaultyJobStore
      yield* Client.enqueue(Count, { n: 1 })
      yield* faults.inject(FaultyJobStore.failsBefore({ method: "exchange" }))

      const during = yield* Testing.runUntilIdle({ time: "10 minutes" })
      const count = yield* faults.count
      yield* faults.heal
      const after = yield* Testing.runUntilIdle()

      assert.deepInclude(during, { completed: 0, stopped: "time" })
      assert.isAbove(count, 100)
      assert.deepInclude(after, { completed: 1, stopped: "idle" })
    }).pipe(Effect.provideService(References.MinimumLogLevel, "Error"))
  )
})

const Methods = Schema.Literals(["exchange", "extendLeases", "promote", "rescue", "prune"])

const anyFault = fc
  .record({
    method: fc.constantFrom(...Methods.literals),
    probability: fc.double({ min: 0.05, max: 0.5, noNaN: true }),
    what: fc.constantFrom("before", "after", "slow", "twice")
  })
  .map(({ method, probability, what }) => {
    const when = { method, probability }
    if (what === "before") return FaultyJobStore.failsBefore(when)
    if (what === "after") return FaultyJobStore.failsAfter(when)
    return what === "slow" ? FaultyJobStore.slow("300 millis", when) : FaultyJobStore.repeats(when)
  })

/** Enqueues some jobs and runs them to their end, on a store with these faults. */
const runWith = (faults: ReadonlyArray<FaultyJobStore.Fault>, seed: number) => {
  const ran: Array<number> = []
  const layer = Layer.provideMerge(appOf(ran), Testing.layer(faulty(faults, seed), { seed, shuffle: true }))
  return Effect.gen(function* () {
    yield* Client.enqueueMany(
      Count,
      Array.from({ length: 10 }, (_, n) => ({ n }))
    )
    const { stopped } = yield* Testing.runUntilIdle({ time: "1 day" })
    const counters = yield* QueueControl.use((control) => control.counters("default"))
    return { ran, stopped, counters }
  }).pipe(Effect.provide(layer), Effect.runPromise)
}

describe("any faults of the store", () => {
  test("lose no job, complete each once, and are repeatable by seed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFault, { maxLength: 4 }), fc.nat(), async (faults, seed) => {
        const first = await runWith(faults, seed)
        const second = await runWith(faults, seed)

        assert.strictEqual(first.stopped, "idle")
        assert.deepInclude(first.counters, { enqueued: 10, completed: 10, died: 0, stale: 0 })
        assert.deepStrictEqual(first, second)
      }),
      { numRuns: 60 }
    )
  })
})

describe("arbitraries", () => {
  class Mixed extends Task.make("faulty.mixed", {
    payload: {
      to: Schema.NonEmptyString,
      at: Schema.Date,
      tags: Schema.Array(Schema.String),
      size: Schema.Finite,
      note: Schema.Option(Schema.String)
    }
  }) {}

  test("payloads of a task fit it, and go through the store unchanged", async () => {
    const property = Arbitrary.checkEffect(Testing.arbitrary(Mixed), (payload) =>
      Effect.gen(function* () {
        const handle = yield* Client.enqueue(Mixed, payload)
        const [found] = yield* Testing.enqueued(Mixed)
        const stored = yield* JobStore.use((store) => store.get("default", handle.id))
        const { payload: text } = Option.getOrThrow(stored)
        assert.isTrue(Equal.equals(Mixed.decodePayload(text), Exit.succeed(found!.payload)))
        assert.strictEqual(text, yield* Mixed.encodePayload(payload))
        return true
      }).pipe(Effect.provide(Layer.provideMerge(Client.layer, Testing.layer(Memory.layer))))
    )

    const failure = Arbitrary.formatCheckFailure(await Effect.runPromise(property))

    assert.isUndefined(failure)
  })

  test("samples are the same for the same seed", async () => {
    const sample = (seed: number) => Effect.runPromise(Testing.samplePayloads(Mixed, { count: 5, seed }))

    assert.deepStrictEqual(await sample(1), await sample(1))
    assert.notDeepEqual(await sample(1), await sample(2))
  })
})
