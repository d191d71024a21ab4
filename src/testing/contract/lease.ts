import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { contract } from "./contract.ts"
import { complete, depths, ids, job, jobs, retry } from "./support.ts"

export const leaseContract = contract("lease", (it) => {
  it.effect("LEASE-1 a claimed job is handed out again once its lease expires, not before", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const first = yield* queue.claim({ leaseMillis: 1000 })

      yield* TestClock.adjust(999)
      const early = yield* queue.claim({ worker: "other" })
      yield* TestClock.adjust(1)
      const due = yield* queue.claim({ worker: "other" })

      assert.deepStrictEqual([first, early, due].map(ids), [["a"], [], ["a"]])
    })
  )

  it.effect("LEASE-1 a job handed out again tells of its attempt and its rescue", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const first = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(5000)

      const reply = yield* queue.exchange({ worker: "other", claim: { leaseMillis: 1000 } })

      const [again] = reply.claimed
      assert.deepStrictEqual([reply.rescued, reply.buried], [["a"], []])
      assert.deepInclude(again, { id: "a", attempt: 2, rescues: 1 })
      assert.isAbove(again!.token, first.token)
      assert.strictEqual((yield* queue.read("a")).worker, "other")
    })
  )

  it.effect("LEASE-1 many expired leases are all handed out again", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(150))
      yield* queue.claim({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)

      const first = yield* queue.exchange({ claim: {} })
      const second = yield* queue.exchange({ claim: {} })

      assert.strictEqual(new Set(ids([...first.claimed, ...second.claimed])).size, 150)
      assert.lengthOf([...first.rescued, ...second.rescued], 150)
    })
  )

  it.effect("LEASE-2 rescue takes back at most limit jobs, first expired first", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("third"), job("first"), job("second"), job("held"))
      for (const leaseMillis of [300, 100, 200, 301]) yield* queue.claim({ limit: 1, leaseMillis })
      yield* TestClock.adjust(300)

      const replies = [yield* queue.rescue(2), yield* queue.rescue(2), yield* queue.rescue(2)]

      assert.deepStrictEqual(
        replies.map(({ rescued }) => rescued),
        [["first", "second"], ["third"], []]
      )
      assert.deepStrictEqual(yield* queue.depths, depths({ pending: 3, active: 1 }))
    })
  )

  it.effect("LEASE-2 rescue names apart the jobs it put back and those it buried", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("frail", { maxAttempts: 1 }), job("sturdy"), job("settled"))
      const claimed = yield* queue.claim({ leaseMillis: 1000 })
      yield* queue.settle(complete(claimed[2]!))
      yield* TestClock.adjust(1000)

      const reply = yield* queue.rescue(10)

      assert.deepStrictEqual(reply, { rescued: ["sturdy"], buried: ["frail"] })
    })
  )

  it.effect("LEASE-2 a rescue of none takes none back", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      yield* queue.claim({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)

      const reply = yield* queue.rescue(0)

      assert.deepStrictEqual(reply, { rescued: [], buried: [] })
      assert.strictEqual(yield* queue.state("a"), "active")
    })
  )

  it.effect("LEASE-3 an extended lease ends leaseMillis from now", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(900)
      const now = yield* Clock.currentTimeMillis

      const extended = yield* queue.extend(1000, held)

      assert.deepStrictEqual(extended, [true])
      assert.strictEqual((yield* queue.read("a")).leaseExpiresAt, now + 1000)
    })
  )

  it.effect("LEASE-3 a lease is extended as often as wanted", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne({ leaseMillis: 1000 })

      const extended = yield* Effect.forEach(Array(10).keys(), () =>
        Effect.andThen(TestClock.adjust(999), queue.extend(1000, held))
      )
      yield* TestClock.adjust(999)
      const early = yield* queue.claim()
      yield* TestClock.adjust(1)
      const due = yield* queue.claim()

      assert.deepStrictEqual(extended.flat(), Array(10).fill(true))
      assert.deepStrictEqual([early, due].map(ids), [[], ["a"]])
    })
  )

  it.effect("LEASE-3 an extension can shorten a lease", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne({ leaseMillis: 60_000 })

      yield* queue.extend(100, held)
      yield* TestClock.adjust(100)

      assert.deepStrictEqual((yield* queue.rescue(1)).rescued, ["a"])
    })
  )

  it.effect("LEASE-3 an extension at the instant of expiry keeps the job", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)

      const extended = yield* queue.extend(1000, held)
      const others = yield* queue.claim({ worker: "other" })

      assert.deepStrictEqual(extended, [true])
      assert.deepStrictEqual(others, [])
    })
  )

  it.effect("LEASE-3 leases of one call are extended each on its own", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), job("b"), job("c"))
      const [a, b, c] = yield* queue.claim({ leaseMillis: 1000 })
      yield* queue.settle(complete(b!))

      const extended = yield* queue.extend(5000, a!, b!, { id: "unknown", token: 1 }, c!)
      yield* TestClock.adjust(1000)

      assert.deepStrictEqual(extended, [true, false, false, true])
      assert.deepStrictEqual((yield* queue.rescue(10)).rescued, [])
    })
  )

  it.effect("LEASE-4 a rescued job is pending again in its old place", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("b"), job("a"))
      yield* queue.claim({ limit: 1, leaseMillis: 1000 })
      yield* TestClock.adjust(1000)

      yield* queue.rescue(1)

      const rescued = yield* queue.read("b")
      assert.deepInclude(rescued, { state: "pending", attempt: 1, rescues: 1 })
      assert.doesNotHaveAnyKeys(rescued, ["leaseExpiresAt", "worker", "visibleAt"])
      assert.deepStrictEqual(yield* queue.listFrom("pending", 10), ["b", "a"])
    })
  )

  it.effect("LEASE-4 a rescued job without attempts left is dead with reason crashed", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { maxAttempts: 2 }))
      const first = yield* queue.claimOne({ leaseMillis: 1000 })
      yield* queue.settle(retry(first))
      yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)
      const now = yield* Clock.currentTimeMillis

      const reply = yield* queue.exchange({ claim: {} })

      assert.deepStrictEqual([reply.claimed, reply.rescued, reply.buried], [[], [], ["a"]])
      assert.deepInclude(yield* queue.read("a"), { state: "dead", deadReason: "crashed", attempt: 2, finishedAt: now })
    })
  )
})
