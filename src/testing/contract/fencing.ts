import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { contract } from "./contract.ts"
import { bury, complete, everySettlement, type Held, job, release, retry, snooze } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

const allStale = Array(7).fill("stale")

/** Everything but the count of refusals. */
const unrefused = ({ counters, ...rest }: Effect.Success<ReturnType<TestQueue["snapshot"]>>) => ({
  ...rest,
  counters: { ...counters, stale: 0 }
})

/** Settles in every way with a token that is not the current one; nothing may change. */
const assertFenced = Effect.fnUntraced(function* (queue: TestQueue, held: Held) {
  const before = yield* queue.snapshot(held.id)
  const settled = yield* queue.settle(...everySettlement(held))
  // a completion that leaves nothing behind may take a way of its own
  const completed = yield* queue.settle(complete(held))
  const after = yield* queue.snapshot(held.id)
  assert.deepStrictEqual([...settled, ...completed], allStale)
  assert.deepStrictEqual(unrefused(after), unrefused(before))
  assert.strictEqual(after.counters.stale, before.counters.stale + allStale.length)
})

export const fencingContract = contract("fencing", (it) => {
  it.effect("FENCE-1 after a rescue the token is stale", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { retainMillis: 1000 }))
      const held = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)
      yield* queue.rescue(1)

      yield* assertFenced(queue, held)
    })
  )

  it.effect("FENCE-1 after another worker claimed the job the token is stale", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)
      const other = yield* queue.claimOne({ worker: "other" })

      yield* assertFenced(queue, held)
      assert.deepStrictEqual(yield* queue.settle(complete(other)), ["settled"])
    })
  )

  it.effect("FENCE-1 after the same worker claimed it again the first token is stale", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()
      yield* queue.settle(release(held))
      yield* queue.claimOne()

      yield* assertFenced(queue, held)
    })
  )

  it.effect("FENCE-1 after a rescue made the job dead the token is stale", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { maxAttempts: 1 }))
      const held = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)
      yield* queue.rescue(1)

      yield* assertFenced(queue, held)
    })
  )

  it.effect("FENCE-1 a token never handed out is stale", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("active"), job("pending"), job("scheduled", { visible: { inMillis: 1000 } }))
      const { token } = yield* queue.claimOne()

      yield* assertFenced(queue, { id: "active", token: token + 1 })
      yield* assertFenced(queue, { id: "active", token: 0 })
      yield* assertFenced(queue, { id: "pending", token })
      yield* assertFenced(queue, { id: "pending", token: 0 })
      yield* assertFenced(queue, { id: "scheduled", token: token + 1 })
    })
  )

  it.effect("FENCE-1 a token of zero is stale for jobs taken back", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("rescued"), job("redriven"))
      const [, redriven] = yield* queue.claim({ leaseMillis: 1000 })
      yield* queue.settle(bury(redriven!))
      yield* queue.redrive({ oldest: 1 })
      yield* TestClock.adjust(1000)
      yield* queue.rescue(1)

      yield* assertFenced(queue, { id: "rescued", token: 0 })
      yield* assertFenced(queue, { id: "redriven", token: 0 })
    })
  )

  it.effect("FENCE-1 the token of another job is stale", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), job("b"))
      const [a, b] = yield* queue.claim()

      yield* assertFenced(queue, { id: a!.id, token: b!.token })
    })
  )

  it.effect("FENCE-2 an extension with a stale token changes nothing and answers false", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)
      yield* queue.rescue(1)
      const whenRescued = yield* queue.extend(9000, held)
      yield* queue.claimOne({ worker: "other", leaseMillis: 2000 })
      const before = yield* queue.snapshot("a")

      const whenReclaimed = yield* queue.extend(9000, held, { id: "a", token: 0 })

      const after = yield* queue.snapshot("a")
      assert.deepStrictEqual([whenRescued, whenReclaimed], [[false], [false, false]])
      assert.deepStrictEqual(unrefused(after), unrefused(before))
      assert.strictEqual(after.counters.stale, before.counters.stale + 2)
    })
  )

  it.effect("FENCE-2 a lease that was settled is not extended", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("retried"), job("released"), job("done", { retainMillis: 1000 }), job("gone"))
      const [retried, released, done, gone] = yield* queue.claim()
      yield* queue.settle(retry(retried!, 1000), release(released!), complete(done!), complete(gone!))
      const before = yield* Effect.forEach(["retried", "released", "done"], queue.read)

      const extended = yield* queue.extend(9000, retried!, released!, done!, gone!)

      assert.deepStrictEqual(extended, [false, false, false, false])
      assert.deepStrictEqual(yield* Effect.forEach(["retried", "released", "done"], queue.read), before)
    })
  )

  it.effect("FENCE-3 until somebody took the job back its holder settles late", (queue) =>
    Effect.gen(function* () {
      const kinds = ["complete", "retry", "bury", "cancel", "snooze", "release"]
      yield* queue.enqueue(...kinds.map((id) => job(id, { retainMillis: 1000 })))
      const claimed = yield* queue.claim({ leaseMillis: 1000 })
      yield* TestClock.adjust(60_000)

      const settled = yield* queue.settle(...claimed.map((held, i) => everySettlement(held)[i]!))

      assert.deepStrictEqual(settled, Array(6).fill("settled"))
      assert.deepStrictEqual(yield* queue.states(...kinds), [
        "completed",
        "retry",
        "dead",
        "cancelled",
        "scheduled",
        "pending"
      ])
    })
  )

  it.effect("FENCE-3 a late settlement wins over the claim of its own exchange", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)

      const reply = yield* queue.exchange({ settlements: [complete(held)], claim: {} })

      assert.deepStrictEqual([reply.settled, reply.claimed, reply.rescued], [["settled"], [], []])
      assert.strictEqual(yield* queue.state("a"), "none")
    })
  )

  it.effect("FENCE-3 until somebody took the job back its holder extends late", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(60_000)

      const extended = yield* queue.extend(1000, held)

      assert.deepStrictEqual(extended, [true])
      assert.deepStrictEqual((yield* queue.rescue(1)).rescued, [])
    })
  )

  it.effect("FENCE-4 a settlement of a job not stored answers gone and changes nothing", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), job("other"))
      const held = yield* queue.claimOne()
      yield* queue.settle(complete(held))
      const before = yield* queue.snapshot("other")

      const settled = yield* queue.settle(...everySettlement(held), complete({ id: "unknown", token: 1 }))

      assert.deepStrictEqual(settled, Array(7).fill("gone"))
      assert.deepStrictEqual(yield* queue.snapshot("other"), before)
      assert.strictEqual(yield* queue.state("a"), "none")
    })
  )

  it.effect("FENCE-5 after a redrive the token of the earlier generation is stale", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { retainMillis: 1000 }))
      const held = yield* queue.claimOne()
      yield* queue.settle(bury(held))
      yield* queue.redrive({ jobIds: ["a"] })

      yield* assertFenced(queue, held)
      yield* queue.claimOne({ worker: "other" })
      yield* assertFenced(queue, held)
    })
  )

  it.effect("FENCE-5 the token of an earlier job with the same id is stale", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()
      yield* queue.settle(complete(held))
      yield* queue.enqueue(job("a"))

      yield* assertFenced(queue, held)
      const current = yield* queue.claimOne()
      yield* assertFenced(queue, held)
      assert.deepStrictEqual(yield* queue.settle(snooze(current)), ["settled"])
    })
  )

  it.effect("FENCE-5 an extension by an earlier job's token is counted as stale", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()
      yield* queue.settle(complete(held))
      yield* queue.enqueue(job("a"))

      const extended = yield* queue.extend(1000, held)

      assert.deepStrictEqual(extended, [false])
      assert.strictEqual((yield* queue.counters).stale, 1)
    })
  )
})
