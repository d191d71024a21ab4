import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { TestQueue } from "./TestQueue.ts"
import { contract } from "./contract.ts"
import { bury, complete, depths, everySettlement, job, retry } from "./support.ts"

/** All that a change, or a refusal, would show in. */
const everything = (queue: TestQueue, ...some: ReadonlyArray<string>) => Effect.forEach(some, queue.snapshot)

export const repeatContract = contract("repeat", (it) => {
  it.effect("REPEAT-1 enqueueing the same jobs again stores nothing new", (queue) =>
    Effect.gen(function* () {
      const batch = [job("a"), job("b", { visible: { inMillis: 1000 } }), job("c", { uniqueKey: "k" })]
      yield* queue.enqueue(...batch)
      const before = yield* Effect.forEach(["a", "b", "c"], queue.read)
      yield* TestClock.adjust(500)

      const outcomes = yield* queue.enqueue(...batch)

      assert.deepStrictEqual(outcomes, Array(3).fill({ _tag: "Existing", identical: true }))
      assert.deepStrictEqual(yield* Effect.forEach(["a", "b", "c"], queue.read), before)
    })
  )

  it.effect("REPEAT-3 a second settlement changes nothing, whatever it says", (queue) =>
    Effect.gen(function* () {
      const kinds = ["complete", "retry", "bury", "cancel", "snooze", "release"]
      yield* queue.enqueue(...kinds.map((id) => job(id, { retainMillis: 1000 })))
      const claimed = yield* queue.claim()
      yield* queue.settle(...claimed.map((held, i) => everySettlement(held)[i]!))
      const before = yield* everything(queue, ...kinds)

      const again = yield* queue.settle(...claimed.flatMap(everySettlement))

      assert.deepStrictEqual(again, Array(36).fill("repeated"))
      assert.deepStrictEqual(yield* everything(queue, ...kinds), before)
    })
  )

  it.effect("REPEAT-3 a settlement is still repeated when its job became visible again", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()
      yield* queue.settle(retry(held, 1000))
      yield* TestClock.adjust(1000)
      yield* queue.promote(1)

      const again = yield* queue.settle(retry(held, 1000))

      assert.deepStrictEqual(again, ["repeated"])
      assert.strictEqual(yield* queue.state("a"), "pending")
    })
  )

  it.effect("REPEAT-3 a retry that died is repeated", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { maxAttempts: 1 }))
      const held = yield* queue.claimOne()
      const first = yield* queue.settle(retry(held))
      const before = yield* queue.snapshot("a")

      const again = yield* queue.settle(retry(held))

      assert.deepStrictEqual([first, again], [["died"], ["repeated"]])
      assert.deepStrictEqual(yield* queue.snapshot("a"), before)
    })
  )

  it.effect("REPEAT-3 a second settlement of a job not kept answers gone", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()

      const settled = yield* queue.settle(complete(held), retry(held))

      assert.deepStrictEqual(settled, ["settled", "gone"])
      assert.deepStrictEqual(yield* queue.depths, depths({}))
    })
  )

  it.effect("REPEAT-4 pause and resume again change nothing", (queue) =>
    Effect.gen(function* () {
      const paused = [yield* queue.pause, yield* queue.pause, yield* queue.isPaused]
      const resumed = [yield* queue.resume, yield* queue.resume, yield* queue.isPaused]

      assert.deepStrictEqual(paused, [true, false, true])
      assert.deepStrictEqual(resumed, [true, false, false])
    })
  )

  it.effect("REPEAT-4 extending again leaves the lease as it is", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()
      yield* queue.extend(5000, held)
      const before = yield* queue.snapshot("a")

      const again = yield* queue.extend(5000, held)

      assert.deepStrictEqual(again, [true])
      assert.deepStrictEqual(yield* queue.snapshot("a"), before)
    })
  )

  it.effect("REPEAT-4 promoting and rescuing again find nothing left", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("leased"))
      yield* queue.claim({ leaseMillis: 1000 })
      yield* queue.enqueue(job("delayed", { visible: { inMillis: 1000 } }))
      yield* TestClock.adjust(1000)

      const promoted = [yield* queue.promote(10), yield* queue.promote(10)]
      const rescued = [yield* queue.rescue(10), yield* queue.rescue(10)]

      assert.deepStrictEqual(promoted, [1, 0])
      assert.deepStrictEqual(
        rescued.map((reply) => reply.rescued),
        [["leased"], []]
      )
    })
  )

  it.effect("REPEAT-4 pruning, redriving and purging again find nothing left", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("done", { retainMillis: 1000 }), job("redriven"), job("purged"))
      const [done, redriven, purged] = yield* queue.claim()
      yield* queue.settle(complete(done!), bury(redriven!), bury(purged!))

      const prunes = [yield* queue.prune({ maxFinished: 0 }), yield* queue.prune({ maxFinished: 0 })]
      const redrives = [yield* queue.redrive({ jobIds: ["redriven"] }), yield* queue.redrive({ jobIds: ["redriven"] })]
      const purges = [yield* queue.purge({ jobIds: ["purged"] }), yield* queue.purge({ jobIds: ["purged"] })]

      assert.deepStrictEqual(
        [prunes, purges],
        [
          [1, 0],
          [1, 0]
        ]
      )
      assert.deepStrictEqual(redrives.flat(), [
        { jobId: "redriven", outcome: "redriven" },
        { jobId: "redriven", outcome: "not-dead" }
      ])
    })
  )
})
