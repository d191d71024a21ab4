import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { contract } from "./contract.ts"
import { bury, ids, job, retry, release } from "./support.ts"

const minute = { inMillis: 60_000 }

export const expiryContract = contract("expiry", (it) => {
  it.effect("EXPIRE-1 a job not started by its expiry is cancelled by the claim that meets it", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("late", { expires: minute, retainMillis: 1000 }), job("other"))
      yield* TestClock.adjust("1 minute")

      const claimed = yield* queue.claim()

      assert.deepStrictEqual(ids(claimed), ["other"])
      const late = yield* queue.read("late")
      assert.deepInclude(late, { state: "cancelled", attempt: 0 })
      assert.deepInclude(late.failures[0], { outcome: "expired", attempt: 0 })
      assert.deepInclude(yield* queue.counters, { expired: 1, cancelled: 1 })
    })
  )

  it.effect("EXPIRE-1 an expired job without retention leaves nothing", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("late", { expires: minute, uniqueKey: "k" }))
      yield* TestClock.adjust("1 minute")

      yield* queue.claim()
      const outcomes = yield* queue.enqueue(job("next", { uniqueKey: "k" }))

      assert.strictEqual(yield* queue.state("late"), "none")
      assert.deepStrictEqual(outcomes, [{ _tag: "Enqueued" }])
    })
  )

  it.effect("EXPIRE-1 a job claimed a millisecond before its expiry runs", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* queue.enqueue(job("relative", { expires: minute }), job("absolute", { expires: { at: now + 60_000 } }))
      yield* TestClock.adjust(59_999)

      const claimed = yield* queue.claim()

      assert.deepStrictEqual(ids(claimed), ["relative", "absolute"])
      assert.strictEqual((yield* queue.read("relative")).expiresAt, now + 60_000)
    })
  )

  it.effect("EXPIRE-1 expired jobs do not hide those behind them from later claims", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...["a", "b", "c"].map((id) => job(id, { expires: minute })), job("d"))
      yield* TestClock.adjust("1 minute")

      const first = yield* queue.exchange({ claim: { limit: 2 } })
      const second = yield* queue.exchange({ claim: { limit: 2 } })

      assert.deepStrictEqual([ids(first.claimed), first.more, ids(second.claimed)], [[], true, ["d"]])
    })
  )

  it.effect("EXPIRE-2 a started attempt outlives the expiry, a later one does not start", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(
        job("a", { expires: minute, retainMillis: 1000 }),
        job("b", { expires: minute, retainMillis: 1000 })
      )
      const [a, b] = yield* queue.claim({ leaseMillis: 600_000 })
      yield* TestClock.adjust("1 minute")

      const extended = yield* queue.extend(600_000, a!, b!)
      const settled = yield* queue.settle(retry(a!), release(b!))
      const claimed = yield* queue.claim()

      assert.deepStrictEqual([extended, settled, claimed], [[true, true], ["settled", "settled"], []])
      assert.deepStrictEqual(
        (yield* queue.read("a")).failures.map(({ outcome }) => outcome),
        ["retry", "expired"]
      )
    })
  )

  it.effect("EXPIRE-3 a redriven job runs however late it is", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { expires: minute }))
      yield* queue.settle(bury(yield* queue.claimOne()))
      yield* TestClock.adjust("1 hour")
      yield* queue.redrive({ jobIds: ["a"] })

      const claimed = yield* queue.claim()

      assert.deepStrictEqual(ids(claimed), ["a"])
      assert.isUndefined((yield* queue.read("a")).expiresAt)
      assert.deepStrictEqual(yield* queue.settle(retry(claimed[0]!)), ["settled"])
      assert.deepStrictEqual(ids(yield* queue.claim()), ["a"])
    })
  )
})
