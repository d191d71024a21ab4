import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { contract } from "./contract.ts"
import { complete, ids, job, jobs, release, retry } from "./support.ts"

export const repeatClaimContract = contract("repeated claim", (it) => {
  it.effect("REPEAT-2 the same worker and number hand out the same jobs and tokens", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(3))
      const first = yield* queue.claim({ number: 1, limit: 2 })
      const before = yield* Effect.forEach(ids(first), queue.snapshot)

      const again = yield* queue.claim({ number: 1, limit: 2 })

      assert.deepStrictEqual(again, first)
      assert.deepStrictEqual(yield* Effect.forEach(ids(first), queue.snapshot), before)
    })
  )

  it.effect("REPEAT-2 a repeated claim of nothing hands out nothing", (queue) =>
    Effect.gen(function* () {
      yield* queue.claim({ number: 1 })
      yield* queue.enqueue(job("a"))

      const again = yield* queue.claim({ number: 1 })
      const next = yield* queue.claim({ number: 2 })

      assert.deepStrictEqual([again, next].map(ids), [[], ["a"]])
    })
  )

  it.effect("REPEAT-5 a claim of no jobs tells what its number brought, and leaves that nothing to bring", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(3))
      const first = yield* queue.claim({ number: 1, limit: 2 })

      const again = yield* queue.claim({ number: 1, limit: 0 })
      const none = yield* queue.claim({ number: 2, limit: 0 })
      const late = yield* queue.claim({ number: 2, limit: 2 })

      assert.deepStrictEqual([again, none, late], [first, [], []])
    })
  )

  it.effect("REPEAT-2 a repeated claim leaves out jobs no longer held", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("settled"), job("kept"), job("taken"), job("requeued"), job("failed"))
      const [settled, kept, taken, requeued, failed] = yield* queue.claim({ number: 1, leaseMillis: 1000 })
      yield* queue.settle(complete(settled!), release(requeued!), retry(failed!, 60_000))
      yield* queue.extend(60_000, kept!)
      yield* TestClock.adjust(1000)
      yield* queue.claim({ worker: "other", number: 1 })

      const again = yield* queue.claim({ number: 1 })

      assert.deepStrictEqual(again, [kept!])
      assert.deepInclude(yield* queue.read("taken"), { worker: "other", attempt: 2 })
      assert.deepStrictEqual(yield* queue.settle(complete(taken!)), ["stale"])
    })
  )

  it.effect("REPEAT-2 a repeated claim after its leases expired hands out nothing", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      yield* queue.claim({ number: 1, leaseMillis: 1000 })
      yield* TestClock.adjust(1000)

      const again = yield* queue.claim({ number: 1, leaseMillis: 1000 })
      const next = yield* queue.claim({ number: 2, leaseMillis: 1000 })

      assert.deepStrictEqual([again, next].map(ids), [[], ["a"]])
    })
  )

  it.effect("REPEAT-2 a repeated claim hands out no later job of the same id", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), job("b"))
      const first = yield* queue.claim({ number: 1 })
      yield* queue.settle(...first.map((held) => complete(held)))
      yield* queue.enqueue(job("a"), job("b"))
      yield* queue.claim({ worker: "other", number: 1, limit: 1 })

      const again = yield* queue.claim({ number: 1 })

      assert.deepStrictEqual(again, [])
      assert.deepStrictEqual(yield* queue.states("a", "b"), ["active", "pending"])
    })
  )

  it.effect("REPEAT-2 a large claim is repeated whole", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(1000), job("last"))
      const first = yield* queue.claim({ number: 1, limit: 1000 })

      const again = yield* queue.claim({ number: 1, limit: 1000 })

      assert.lengthOf(first, 1000)
      assert.deepStrictEqual(again, first)
    })
  )

  it.effect("REPEAT-2 a prune does not forget the last claim of a busy worker", (queue) =>
    Effect.gen(function* () {
      yield* queue.claim({ number: 1 })
      yield* TestClock.adjust("3 days")
      yield* queue.enqueue(job("a"), job("b"))
      const first = yield* queue.claim({ number: 2, limit: 1 })

      yield* queue.prune()
      const again = yield* queue.claim({ number: 2, limit: 1 })

      assert.deepStrictEqual(again, first)
    })
  )

  it.effect("REPEAT-2 a number below the last one hands out nothing", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), job("b"))
      yield* queue.claim({ number: 7, limit: 1 })

      const lower = yield* queue.claim({ number: 6 })
      const same = yield* queue.claim({ number: 7 })
      const higher = yield* queue.claim({ number: 8 })

      assert.deepStrictEqual([lower, same, higher].map(ids), [[], ["a"], ["b"]])
    })
  )

  it.effect("REPEAT-2 workers count their claims each on its own", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), job("b"))

      const first = yield* queue.claim({ worker: "first", number: 9, limit: 1 })
      const second = yield* queue.claim({ worker: "second", number: 1, limit: 1 })

      assert.deepStrictEqual([first, second].map(ids), [["a"], ["b"]])
    })
  )

  it.effect("REPEAT-2 a lost exchange is repeated as a whole", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("gone"), job("kept", { retainMillis: 1000 }), job("freed"), job("last"))
      const [gone, kept, freed] = yield* queue.claim({ number: 1, limit: 3 })
      const settlements = [complete(gone!), complete(kept!), release(freed!)]
      const first = yield* queue.exchange({ settlements, claim: { number: 2 } })
      const before = yield* Effect.forEach(["kept", "last"], queue.snapshot)

      const again = yield* queue.exchange({ settlements, claim: { number: 2 } })

      assert.deepStrictEqual(first.settled, ["settled", "settled", "settled"])
      assert.deepStrictEqual(ids(first.claimed), ["freed", "last"])
      assert.deepStrictEqual(again.claimed, first.claimed)
      assert.deepStrictEqual(again.settled.slice(0, 2), ["gone", "repeated"])
      assert.deepStrictEqual(
        (yield* Effect.forEach(["kept", "last"], queue.snapshot)).map(({ depths, job }) => ({ depths, job })),
        before.map(({ depths, job }) => ({ depths, job }))
      )
    })
  )

  it.effect("REPEAT-2 a repeated claim of a paused queue hands out what is held", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), job("b"))
      const first = yield* queue.claim({ number: 1, limit: 1 })
      yield* queue.pause

      const again = yield* queue.claim({ number: 1, limit: 1 })

      assert.deepStrictEqual(again, first)
    })
  )
})
