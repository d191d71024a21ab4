import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { QueueControl } from "../../ports/QueueControl.ts"
import { contract } from "./contract.ts"
import { bury, cancel, complete, depths, job, jobs } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

/** Ends as many jobs as there are retentions, each in the way its name says. */
const finish = Effect.fnUntraced(function* (
  queue: TestQueue,
  how: "completed" | "cancelled" | "dead",
  retentions: ReadonlyArray<number>
) {
  yield* queue.enqueue(...retentions.map((retainMillis) => job(`${how}-${retainMillis}`, { retainMillis })))
  const settle = { completed: complete, cancelled: cancel, dead: bury }[how]
  for (const held of yield* queue.claim()) {
    yield* queue.settle(settle(held))
    yield* TestClock.adjust(1)
  }
})

export const retentionContract = contract("retention", (it) => {
  it.effect("RETAIN-1 prune removes finished records whose retention is over, not before", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...["completed", "cancelled", "kept"].map((id) => job(id, { retainMillis: 1000 })))
      const [completed, cancelled] = yield* queue.claim({ leaseMillis: 60_000 })
      yield* queue.settle(complete(completed!, "1"), cancel(cancelled!))

      yield* TestClock.adjust(999)
      const early = yield* queue.prune()
      yield* TestClock.adjust(1)
      const due = yield* queue.prune()

      assert.deepStrictEqual([early, due], [0, 2])
      assert.deepStrictEqual(yield* queue.states("completed", "cancelled", "kept"), ["none", "none", "active"])
    })
  )

  it.effect("RETAIN-1 retention counts from the end of the job, not from its enqueue", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { retainMillis: 1000 }))
      yield* TestClock.adjust(5000)
      yield* queue.settle(complete(yield* queue.claimOne()))
      yield* TestClock.adjust(999)

      const pruned = yield* queue.prune()

      assert.strictEqual(pruned, 0)
      assert.strictEqual(yield* queue.state("a"), "completed")
    })
  )

  it.effect("RETAIN-2 prune removes dead letters older than the policy allows", (queue) =>
    Effect.gen(function* () {
      yield* finish(queue, "dead", [0])
      yield* TestClock.adjust(500)
      yield* finish(queue, "dead", [1])
      const policy = { deadRetainMillis: 1000 }

      yield* TestClock.adjust(497)
      const early = yield* queue.prune(policy)
      yield* TestClock.adjust(2)
      const due = yield* queue.prune(policy)

      assert.deepStrictEqual([early, due], [0, 1])
      assert.deepStrictEqual(yield* queue.states("dead-0", "dead-1"), ["none", "dead"])
    })
  )

  it.effect("RETAIN-2 prune removes the oldest dead letters beyond the policy's count", (queue) =>
    Effect.gen(function* () {
      yield* finish(queue, "dead", [9, 1, 5, 3])

      const pruned = yield* queue.prune({ maxDead: 2 })

      assert.strictEqual(pruned, 2)
      assert.deepStrictEqual(yield* queue.listFrom("dead", 10), ["dead-3", "dead-5"])
    })
  )

  it.effect("RETAIN-2 a policy that keeps no dead letters removes all", (queue) =>
    Effect.gen(function* () {
      yield* finish(queue, "dead", [1, 2])

      const pruned = yield* queue.prune({ maxDead: 0 })

      assert.strictEqual(pruned, 2)
      assert.deepStrictEqual(yield* queue.depths, depths({}))
    })
  )

  it.effect("RETAIN-3 beyond the policy's count those that would expire first go first", (queue) =>
    Effect.gen(function* () {
      yield* finish(queue, "completed", [4000, 9000, 5000])
      yield* finish(queue, "cancelled", [6000, 3000, 8000])
      yield* finish(queue, "dead", [1000, 2000])

      const pruned = yield* queue.prune({ maxFinished: 2 })

      assert.strictEqual(pruned, 2)
      assert.deepStrictEqual(yield* queue.listFrom("completed", 10), ["completed-5000", "completed-9000"])
      assert.deepStrictEqual(yield* queue.listFrom("cancelled", 10), ["cancelled-6000", "cancelled-8000"])
      assert.deepStrictEqual(yield* queue.depths, depths({ completed: 2, cancelled: 2, dead: 2 }))
    })
  )

  it.effect("RETAIN-4 one prune removes at most limit records and answers how many", (queue) =>
    Effect.gen(function* () {
      yield* finish(queue, "completed", [1000, 2000])
      yield* finish(queue, "cancelled", [1000, 2000])
      yield* finish(queue, "dead", [1, 2, 3])
      yield* TestClock.adjust(10_000)
      const policy = { limit: 3, maxDead: 1 }

      const pruned = [yield* queue.prune(policy), yield* queue.prune(policy), yield* queue.prune(policy)]

      assert.deepStrictEqual(pruned, [3, 3, 0])
      assert.deepStrictEqual(yield* queue.depths, depths({ dead: 1 }))
    })
  )

  it.effect("RETAIN-4 a prune of none removes none", (queue) =>
    Effect.gen(function* () {
      yield* finish(queue, "dead", [1])

      const pruned = yield* queue.prune({ limit: 0, maxDead: 0 })

      assert.strictEqual(pruned, 0)
      assert.deepStrictEqual(yield* queue.depths, depths({ dead: 1 }))
    })
  )

  it.effect("RETAIN-4 a thousand records go in one prune", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(1200, { retainMillis: 1000 }))
      const claimed = yield* queue.claim({ limit: 1200 })
      yield* queue.settle(...claimed.map((held) => complete(held, "1")))
      yield* TestClock.adjust(1000)

      const pruned = [yield* queue.prune(), yield* queue.prune()]

      assert.deepStrictEqual(pruned, [1000, 200])
    })
  )

  it.effect("RETAIN-5 removing named jobs removes those that have ended, and no others", (queue) =>
    Effect.gen(function* () {
      yield* finish(queue, "completed", [1000, 2000])
      yield* finish(queue, "cancelled", [1000])
      yield* finish(queue, "dead", [1000])
      yield* queue.enqueue(job("waits", { priority: 1 }), job("runs", { priority: 0 }))
      yield* queue.claimOne()
      const control = yield* QueueControl

      const named = ["completed-1000", "completed-1000", "cancelled-1000", "dead-1000", "waits", "runs", "unknown"]
      const removed = [yield* control.remove(queue.name, named), yield* control.remove(queue.name, named)]

      assert.deepStrictEqual(removed, [3, 0])
      assert.deepStrictEqual(yield* queue.depths, depths({ completed: 1, pending: 1, active: 1 }))
      assert.deepInclude(yield* queue.counters, { enqueued: 6, removed: 3 })
      assert.deepStrictEqual(yield* control.remove(queue.name, []), 0)
    })
  )
})
