import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import { JobStore } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import { contract } from "./contract.ts"
import { bury, complete, job, release, retry, snooze } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

const cancel = (queue: TestQueue, jobId: string, reason = "not wanted") =>
  JobStore.use((store) => store.cancel({ queue: queue.name, jobId, reason }))

const kept = { retainMillis: 60_000 }

export const cancellingContract = contract("cancelling", (it) => {
  it.effect("CANCEL-1 a job that waits is cancelled at once, in whatever state it waits", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("retrying", kept))
      yield* queue.settle(retry(yield* queue.claimOne(), 60_000))
      yield* queue.enqueue(job("pending", kept), job("scheduled", { ...kept, visible: { inMillis: 1000 } }))

      const outcomes = yield* Effect.forEach(["retrying", "pending", "scheduled"], (id) => cancel(queue, id))

      assert.deepStrictEqual(outcomes, ["cancelled", "cancelled", "cancelled"])
      for (const id of ["retrying", "pending", "scheduled"]) {
        const found = yield* queue.read(id)
        assert.strictEqual(found.state, "cancelled")
        assert.deepInclude(found.failures.at(-1), { outcome: "cancelled", error: "not wanted" })
      }
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* queue.claim(), [])
      assert.deepInclude(yield* queue.counters, { cancelled: 3 })
    })
  )

  it.effect("CANCEL-1 a cancelled job frees its unique key and keeps nothing without retention", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { uniqueKey: "k" }))

      yield* cancel(queue, "a")
      const outcomes = yield* queue.enqueue(job("b", { uniqueKey: "k" }))

      assert.deepStrictEqual(outcomes, [{ _tag: "Enqueued" }])
      assert.strictEqual(yield* queue.state("a"), "none")
    })
  )

  it.effect("CANCEL-2 the holder of an active job is asked to stop it", (queue) =>
    Effect.gen(function* () {
      const notices = yield* Notices
      const inbox = yield* notices.open("holder")
      yield* queue.enqueue(job("a", kept))
      const held = yield* queue.claimOne({ worker: "holder" })

      const outcome = yield* cancel(queue, "a")
      const notice = yield* Queue.take(inbox)
      const statuses = yield* JobStore.use((store) =>
        store.extendLeases({
          queue: queue.name,
          worker: "holder",
          leases: [{ jobId: "a", token: held.token }],
          leaseMillis: 1000
        })
      )

      assert.strictEqual(outcome, "requested")
      assert.deepStrictEqual(notice, {
        _tag: "CancelRequested",
        queue: queue.name,
        jobId: "a",
        token: held.token,
        reason: "not wanted"
      })
      assert.deepStrictEqual(statuses, ["cancel"])
      assert.deepInclude(yield* queue.read("a"), { state: "active", cancelRequested: "not wanted" })
    })
  )

  it.effect("CANCEL-3 a job asked to stop is not run again, however its attempt goes on", (queue) =>
    Effect.gen(function* () {
      for (const end of [retry, snooze, release]) {
        yield* queue.enqueue(job(end.name, kept))
        const held = yield* queue.claimOne()
        yield* cancel(queue, end.name)

        const settled = yield* queue.settle(end(held))

        assert.deepStrictEqual(settled, ["cancelled"])
        const found = yield* queue.read(end.name)
        assert.strictEqual(found.state, "cancelled")
        assert.isUndefined(found.cancelRequested)
        assert.deepInclude(found.failures.at(-1), { outcome: "cancelled", error: "not wanted" })
      }
    })
  )

  it.effect("CANCEL-3 a job asked to stop whose worker vanishes is cancelled by the rescue", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", kept))
      yield* queue.claimOne({ leaseMillis: 1000 })
      yield* cancel(queue, "a")
      yield* TestClock.adjust("1 second")

      const reply = yield* queue.rescue(10)

      assert.deepStrictEqual(reply, { rescued: [], buried: [] })
      const { failures, state } = yield* queue.read("a")
      assert.deepStrictEqual([state, failures.map(({ outcome }) => outcome)], ["cancelled", ["crashed", "cancelled"]])
    })
  )

  it.effect("CANCEL-3 a job asked to stop that completes or is buried keeps that end", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("completes", kept), job("dies", kept), job("fleeting"))
      const [completes, dies, fleeting] = yield* queue.claim()
      yield* Effect.forEach(["completes", "dies", "fleeting"], (id) => cancel(queue, id))

      const settled = yield* queue.settle(complete(completes!), bury(dies!), complete(fleeting!))
      yield* queue.enqueue(job("fleeting"))
      const again = yield* queue.claimOne()
      yield* queue.settle(retry(again))

      assert.deepStrictEqual(settled, ["settled", "settled", "settled"])
      assert.deepStrictEqual(yield* queue.states("completes", "dies", "fleeting"), ["completed", "dead", "retry"])
    })
  )

  it.effect("CANCEL-4 a job that has ended or is not stored is left alone", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("done", kept), job("dead", kept), job("cancelled", kept))
      const [done, dead] = yield* queue.claim({ limit: 2 })
      yield* queue.settle(complete(done!), bury(dead!))
      yield* cancel(queue, "cancelled")
      const before = yield* queue.counters

      const outcomes = yield* Effect.forEach(["done", "dead", "cancelled", "unknown"], (id) => cancel(queue, id))

      assert.deepStrictEqual(outcomes, ["ended", "ended", "ended", "gone"])
      assert.deepStrictEqual(yield* queue.counters, before)
    })
  )
})
