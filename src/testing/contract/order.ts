import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { Settlement } from "../../ports/JobStore.ts"
import { contract } from "./contract.ts"
import { bury, type Held, ids, job, release, retry, snooze } from "./support.ts"

const waysBack: ReadonlyArray<readonly [how: string, settle: (held: Held) => ReadonlyArray<Settlement>]> = [
  ["released", (held) => [release(held)]],
  ["released for later", (held) => [release(held, 500)]],
  ["retried", (held) => [retry(held, 500)]],
  ["snoozed", (held) => [snooze(held, 500)]],
  ["rescued", () => []]
]

export const orderContract = contract("order", (it) => {
  it.effect("ORDER-1 the lowest priority number is claimed first", (queue) =>
    Effect.gen(function* () {
      const priorities = [5, -1, 4095, 0, -4096, 1, -2]
      yield* queue.enqueue(...priorities.map((priority) => job(`priority:${priority}`, { priority })))

      const claimed = yield* queue.claim()

      assert.deepStrictEqual(
        claimed.map(({ priority }) => priority),
        [-4096, -2, -1, 0, 1, 5, 4095]
      )
    })
  )

  it.effect("ORDER-1 of equal priorities the earliest enqueued is claimed first", (queue) =>
    Effect.gen(function* () {
      for (const id of ["z", "m", "a"]) {
        yield* queue.enqueue(job(`${id}5`), job(`${id}-1`, { priority: -1 }))
        yield* TestClock.adjust(1)
      }

      const claimed = yield* queue.claim()

      assert.deepStrictEqual(ids(claimed), ["z-1", "m-1", "a-1", "z5", "m5", "a5"])
    })
  )

  it.effect("ORDER-1 a delayed job that became visible stands by its enqueue", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("later", { visible: { inMillis: 900 } }))
      yield* queue.enqueue(job("sooner", { visible: { inMillis: 100 } }))
      yield* queue.enqueue(job("now"))
      yield* TestClock.adjust(900)

      const claimed = yield* queue.claim()

      assert.deepStrictEqual(ids(claimed), ["later", "sooner", "now"])
    })
  )

  for (const [how, settle] of waysBack) {
    it.effect(`ORDER-1 a job that is ${how} keeps its place`, (queue) =>
      Effect.gen(function* () {
        yield* queue.enqueue(job("c"), job("b"), job("a"), job("urgent", { priority: 4 }))
        yield* queue.claim({ limit: 1 })
        const held = yield* queue.claimOne({ leaseMillis: 500 })
        yield* queue.settle(...settle(held))
        yield* TestClock.adjust(500)

        const claimed = yield* queue.claim()

        assert.strictEqual(held.id, "c")
        assert.deepStrictEqual(ids(claimed), ["c", "b", "a"])
      })
    )
  }

  for (const [how, settle] of waysBack) {
    it.effect(`ORDER-1 a redriven job that is ${how} keeps its new place`, (queue) =>
      Effect.gen(function* () {
        yield* queue.enqueue(job("redriven"))
        yield* queue.settle(bury(yield* queue.claimOne()))
        yield* queue.enqueue(job("before"))
        yield* queue.redrive({ oldest: 1 })
        yield* queue.enqueue(job("after"))
        const claimed = yield* queue.claim({ leaseMillis: 500 })
        yield* queue.settle(...claimed.flatMap(settle))
        yield* TestClock.adjust(500)

        const again = yield* queue.claim()

        assert.deepStrictEqual([claimed, again].map(ids), Array(2).fill(["before", "redriven", "after"]))
      })
    )
  }

  it.effect("ORDER-2 jobs of one call stand in the order given", (queue) =>
    Effect.gen(function* () {
      const given = ["9", "10", "a", "B", "b", "A", "-", "_", "1"]
      yield* queue.enqueue(...given.map((id) => job(id)))

      const claimed = yield* queue.claim()

      assert.deepStrictEqual(ids(claimed), given)
    })
  )

  it.effect("ORDER-2 calls of one millisecond stand in the order made", (queue) =>
    Effect.gen(function* () {
      const given = Array.from({ length: 20 }, (_, i) => String(20 - i))
      yield* Effect.forEach(given, (id) => queue.enqueue(job(id)))

      const claimed = yield* queue.claim()

      assert.deepStrictEqual(ids(claimed), given)
    })
  )
})
