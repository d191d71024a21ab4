import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { contract } from "./contract.ts"
import { bury, cancel, complete, counters, depths, job, release, retry, snooze } from "./support.ts"

export const countingContract = contract("counting", (it) => {
  it.effect("COUNT-1 depths are the number of jobs in each state", (queue) =>
    Effect.gen(function* () {
      const names = ["completed", "cancelled", "dead", "retry", "snoozed", "active"]
      yield* queue.enqueue(...names.map((id) => job(id, { retainMillis: 1000 })))
      const [completed, cancelled, dead, failed, snoozed] = yield* queue.claim()

      yield* queue.settle(complete(completed!), cancel(cancelled!), bury(dead!), retry(failed!), snooze(snoozed!))
      yield* queue.enqueue(job("scheduled", { visible: { inMillis: 1000 } }), job("pending"), job("pending-too"))

      assert.deepStrictEqual(
        yield* queue.depths,
        depths({ completed: 1, cancelled: 1, dead: 1, retry: 1, scheduled: 2, active: 1, pending: 2 })
      )
    })
  )

  it.effect("COUNT-1 a queue nobody used has no jobs and no history", (queue) =>
    Effect.gen(function* () {
      const depthsOfNone = yield* queue.depths
      const countersOfNone = yield* queue.counters

      assert.deepStrictEqual(depthsOfNone, depths({}))
      assert.deepStrictEqual(countersOfNone, counters({}))
    })
  )

  it.effect("COUNT-2 enqueues, left-out jobs and claims are counted", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { uniqueKey: "k" }), job("b"), job("a"), job("c", { uniqueKey: "k" }))
      yield* queue.claim({ number: 1, limit: 1 })
      yield* queue.claim({ number: 1, limit: 1 })
      yield* queue.claim({ number: 2 })

      const counted = yield* queue.counters

      assert.deepStrictEqual(counted, counters({ enqueued: 2, duplicates: 2, claimed: 2 }))
    })
  )

  it.effect("COUNT-2 every settlement is counted as what it did", (queue) =>
    Effect.gen(function* () {
      const names = ["done", "kept", "failed", "exhausted", "buried", "cancelled", "snoozed", "released", "put-off"]
      yield* queue.enqueue(
        ...names.map((id) => job(id, { retainMillis: id === "done" ? 0 : 1, maxAttempts: id === "exhausted" ? 1 : 2 }))
      )
      const [done, kept, failed, exhausted, buried, cancelled, snoozed, released, putOff] = yield* queue.claim()
      yield* queue.settle(complete(done!), complete(kept!), retry(failed!), retry(exhausted!), bury(buried!))
      yield* queue.settle(cancel(cancelled!), snooze(snoozed!), release(released!), release(putOff!, 1000))
      yield* queue.settle(complete(done!), complete(kept!), complete({ id: "released", token: 0 }))

      const counted = yield* queue.counters

      const settled = { completed: 2, retried: 1, died: 2, cancelled: 1, snoozed: 1, released: 2 }
      assert.deepStrictEqual(counted, counters({ enqueued: 9, claimed: 9, ...settled, removed: 1, stale: 1 }))
    })
  )

  it.effect("COUNT-2 rescues, redrives and removals are counted", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("sturdy"), job("frail", { maxAttempts: 1 }), job("done", { retainMillis: 1 }))
      const [sturdy, , done] = yield* queue.claim({ leaseMillis: 1000 })
      yield* queue.settle(complete(done!))
      yield* TestClock.adjust(1000)
      yield* queue.rescue(10)
      yield* queue.extend(1000, sturdy!)
      yield* queue.redrive({ jobIds: ["frail", "sturdy"] })
      yield* queue.settle(...(yield* queue.claim()).map((held) => bury(held)))
      yield* queue.prune()
      yield* queue.purge({ oldest: 10 })

      const counted = yield* queue.counters

      const rescued = { rescued: 2, died: 3, redriven: 1, stale: 1 }
      assert.deepStrictEqual(counted, counters({ enqueued: 3, claimed: 5, completed: 1, removed: 3, ...rescued }))
    })
  )

  it.effect("COUNT-2 rescues and promotions by a claim are counted like others", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), job("b", { visible: { inMillis: 1000 } }))
      yield* queue.claim({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)
      yield* queue.claim()

      const counted = yield* queue.counters

      assert.deepStrictEqual(counted, counters({ enqueued: 2, claimed: 3, rescued: 1 }))
    })
  )
})
