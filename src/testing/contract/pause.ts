import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { QueueControl } from "../../ports/QueueControl.ts"
import { contract } from "./contract.ts"
import { complete, ids, job, release, retry } from "./support.ts"

export const pauseContract = contract("pause", (it) => {
  it.effect("PAUSE-1 a paused queue hands out nothing until it is resumed", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))

      yield* queue.pause
      const paused = yield* queue.exchange({ claim: {} })
      yield* queue.resume
      const running = yield* queue.exchange({ claim: {} })

      assert.deepStrictEqual([paused.paused, running.paused], [true, false])
      assert.deepStrictEqual([paused.claimed, running.claimed].map(ids), [[], ["a"]])
    })
  )

  it.effect("PAUSE-1 a paused queue takes jobs and moves them", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("leased"))
      yield* queue.claim({ leaseMillis: 1000 })
      yield* queue.pause

      const outcomes = yield* queue.enqueue(job("new"), job("delayed", { visible: { inMillis: 1000 } }))
      yield* TestClock.adjust(1000)
      const promoted = yield* queue.promote(10)
      const { rescued } = yield* queue.rescue(10)

      assert.deepStrictEqual([outcomes, promoted, rescued], [Array(2).fill({ _tag: "Enqueued" }), 1, ["leased"]])
      assert.deepStrictEqual(yield* queue.listFrom("pending", 10), ["leased", "new", "delayed"])
    })
  )

  it.effect("PAUSE-1 attempts of a paused queue are settled and extended", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("done"), job("failed"), job("released"), job("running"))
      const [done, failed, released, running] = yield* queue.claim({ leaseMillis: 1000 })
      yield* queue.pause

      const { claimed, settled } = yield* queue.exchange({
        settlements: [complete(done!), retry(failed!), release(released!)],
        claim: {}
      })
      const extended = yield* queue.extend(60_000, running!)

      assert.deepStrictEqual([settled, claimed], [Array(3).fill("settled"), []])
      assert.deepStrictEqual(extended, [true])
    })
  )

  it.effect("PAUSE-1 a pause stops one queue only", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      yield* queue.sibling.pause

      const claimed = yield* queue.claim()

      assert.deepStrictEqual(ids(claimed), ["a"])
    })
  )

  it.effect("PAUSE-2 pause and resume answer whether they changed something", (queue) =>
    Effect.gen(function* () {
      const answers = [yield* queue.resume, yield* queue.pause, yield* queue.pause, yield* queue.resume]

      assert.deepStrictEqual(answers, [false, true, false, true])
      assert.isFalse(yield* queue.isPaused)
    })
  )

  it.effect("PAUSE-2 LIST-3 a resume of a queue that nobody knows leaves it unknown", (queue) =>
    Effect.gen(function* () {
      const { queues } = yield* QueueControl

      yield* queue.resume
      const before = yield* queues
      yield* queue.pause

      assert.notInclude(before, queue.name)
      assert.include(yield* queues, queue.name)
    })
  )

  it.effect("PAUSE-2 a pause survives everything but a resume", (queue) =>
    Effect.gen(function* () {
      yield* queue.pause
      yield* queue.enqueue(job("a"))
      yield* queue.resume
      const held = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* queue.pause

      yield* queue.settle(complete(held))
      yield* queue.enqueue(job("b"))
      yield* queue.prune()
      yield* queue.redrive({ oldest: 1 })
      yield* queue.purge({ oldest: 1 })
      yield* TestClock.adjust("1 day")

      assert.isTrue(yield* queue.isPaused)
      assert.deepStrictEqual(yield* queue.claim(), [])
    })
  )
})
