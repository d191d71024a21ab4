import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { contract } from "./contract.ts"
import { bury, complete, depths, ids, job, retry } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

/** Leaves dead letters behind, the first named being the oldest. */
const die = Effect.fnUntraced(function* (queue: TestQueue, ...names: ReadonlyArray<string>) {
  for (const id of names) {
    yield* queue.enqueue(job(id))
    yield* queue.settle(bury(yield* queue.claimOne()))
    yield* TestClock.adjust(1)
  }
})

export const deadLettersContract = contract("dead letters", (it) => {
  it.effect("DEAD-1 a dead job stays with its payload, reason and ledger", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { payload: "keep me", headers: { trace: "x" } }))
      yield* queue.settle(retry(yield* queue.claimOne(), 0, "first"))
      yield* queue.settle(bury(yield* queue.claimOne(), "undecodable", "second"))

      yield* TestClock.adjust("30 days")
      yield* queue.prune()
      yield* queue.claim()

      const dead = yield* queue.read("a")
      const kept = { state: "dead", payload: "keep me", headers: { trace: "x" }, deadReason: "undecodable" }
      assert.deepInclude<unknown>(dead, kept)
      assert.deepStrictEqual(
        dead.failures.map(({ error, outcome }) => [error, outcome]),
        [
          ["first", "retry"],
          ["second", "dead"]
        ]
      )
    })
  )

  it.effect("DEAD-2 a redriven job is pending at the end of its priority", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "b", "a")
      yield* queue.enqueue(job("waiting"), job("unimportant", { priority: 6 }))

      const outcomes = yield* queue.redrive({ jobIds: ["a", "b"] })

      const redriven = yield* queue.read("a")
      assert.deepStrictEqual(outcomes, [
        { jobId: "a", outcome: "redriven" },
        { jobId: "b", outcome: "redriven" }
      ])
      assert.strictEqual(redriven.state, "pending")
      assert.doesNotHaveAnyKeys(redriven, ["deadReason", "finishedAt"])
      assert.deepStrictEqual(ids(yield* queue.claim()), ["waiting", "a", "b", "unimportant"])
    })
  )

  it.effect("DEAD-2 jobs that are not dead are named and left alone", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "dead")
      yield* queue.enqueue(job("done", { retainMillis: 1000 }), job("active"), job("pending"))
      const [done] = yield* queue.claim({ limit: 2 })
      yield* queue.settle(complete(done!))
      const others = ["pending", "active", "done"]
      const before = yield* Effect.forEach(others, queue.get)

      const outcomes = yield* queue.redrive({ jobIds: ["unknown", ...others, "dead", "dead"] })

      assert.deepStrictEqual(
        outcomes.map(({ jobId, outcome }) => `${jobId} ${outcome}`),
        ["unknown not-dead", "pending not-dead", "active not-dead", "done not-dead", "dead redriven", "dead not-dead"]
      )
      assert.deepStrictEqual(yield* Effect.forEach(others, queue.get), before)
    })
  )

  it.effect("DEAD-3 redriving the oldest takes at most the count given", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "third", "first", "second")

      const outcomes = [yield* queue.redrive({ oldest: 2 }), yield* queue.redrive({ oldest: 2 })]

      assert.deepStrictEqual(
        outcomes.map((some) => some.map(({ jobId }) => jobId)),
        [["third", "first"], ["second"]]
      )
      assert.deepStrictEqual(yield* queue.listFrom("pending", 10), ["third", "first", "second"])
    })
  )

  it.effect("DEAD-3 the oldest are redriven after as many as are to be skipped", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "d", "a", "c", "b")

      const beyond = yield* queue.redrive({ oldest: 10, skip: 4 })
      const some = yield* queue.redrive({ oldest: 2, skip: 1 })
      const last = yield* queue.redrive({ oldest: 2, skip: 1 })

      assert.deepStrictEqual(
        [beyond, some, last].map((outcomes) => outcomes.map(({ jobId }) => jobId)),
        [[], ["a", "c"], ["b"]]
      )
      assert.deepStrictEqual(yield* queue.listFrom("dead", 10), ["d"])
    })
  )

  it.effect("DEAD-3 redriving the oldest of none answers nothing", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))

      const outcomes = [yield* queue.redrive({ oldest: 10 }), yield* queue.redrive({ jobIds: [] })]

      assert.deepStrictEqual(outcomes, [[], []])
      assert.strictEqual(yield* queue.state("a"), "pending")
    })
  )

  it.effect("DEAD-4 purging named jobs removes those that are dead", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "a", "b", "c")
      yield* queue.enqueue(job("done", { retainMillis: 1000 }), job("pending"))
      yield* queue.settle(complete(yield* queue.claimOne()))

      const purged = yield* queue.purge({ jobIds: ["c", "unknown", "pending", "done", "a", "a"] })

      assert.strictEqual(purged, 2)
      assert.deepStrictEqual(yield* queue.states("a", "b", "c"), ["none", "dead", "none"])
      assert.deepStrictEqual(yield* queue.depths, depths({ dead: 1, completed: 1, pending: 1 }))
    })
  )

  it.effect("DEAD-4 purging the oldest removes at most the count given", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "b", "c", "a")
      yield* queue.enqueue(job("pending"))

      const purged = [yield* queue.purge({ oldest: 2 }), yield* queue.purge({ oldest: 2 })]

      assert.deepStrictEqual(purged, [2, 1])
      assert.deepStrictEqual(yield* queue.depths, depths({ pending: 1 }))
    })
  )

  it.effect("DEAD-4 the oldest are purged after as many as are to be skipped", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "d", "a", "c", "b")

      const purged = [
        yield* queue.purge({ oldest: 10, skip: 4 }),
        yield* queue.purge({ oldest: 2, skip: 1 }),
        yield* queue.purge({ oldest: 2, skip: 1 })
      ]

      assert.deepStrictEqual(purged, [0, 2, 1])
      assert.deepStrictEqual(yield* queue.listFrom("dead", 10), ["d"])
    })
  )

  it.effect("DEAD-4 the oldest are purged first", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "b", "c", "a")

      yield* queue.purge({ oldest: 1 })

      assert.deepStrictEqual(yield* queue.listFrom("dead", 10), ["a", "c"])
    })
  )
})
