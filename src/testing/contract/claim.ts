import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { JobStore } from "../../ports/JobStore.ts"
import { contract } from "./contract.ts"
import { assertConserved } from "./TestQueue.ts"
import { complete, depths, ids, job, jobs, release } from "./support.ts"

export const claimContract = contract("claim", (it) => {
  it.effect("CLAIM-1 a claim hands out at most limit visible jobs", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("c"), job("b"), job("a"), job("later", { visible: { inMillis: 1000 } }))

      const claims = [yield* queue.claim({ limit: 2 }), yield* queue.claim({ limit: 2 }), yield* queue.claim()]

      assert.deepStrictEqual(claims.map(ids), [["c", "b"], ["a"], []])
    })
  )

  it.effect("CLAIM-1, SETTLE-1 a claim of thousands of jobs hands out each, and all are settled at once", (queue) =>
    Effect.gen(function* () {
      for (const count of [1000, 4500]) {
        const batch = jobs(count)
        yield* queue.enqueue(...batch)

        const claimed = yield* queue.claim({ limit: count })
        const settled = yield* queue.settle(...[...claimed, claimed[0]!].map((held) => complete(held)))

        assert.deepStrictEqual(ids(claimed), ids(batch))
        assert.deepStrictEqual(settled, [...Array(count).fill("settled"), "gone"])
        assert.deepStrictEqual(yield* queue.depths, depths({}))
        yield* assertConserved(queue.name)
      }
    })
  )

  it.effect("CLAIM-1 a claimed job comes with everything needed to run it", (queue) =>
    Effect.gen(function* () {
      const enqueuedAt = yield* Clock.currentTimeMillis
      yield* queue.enqueue(job("a", { priority: -7, maxAttempts: 4, uniqueKey: "k", headers: { trace: "x" } }))
      yield* TestClock.adjust(10)

      const { token, ...claimed } = yield* queue.claimOne()

      assert.isAbove(token, 0)
      assert.deepStrictEqual(claimed, {
        id: "a",
        kind: "contract.job",
        payload: `{"id":"a"}`,
        priority: -7,
        attempt: 1,
        maxAttempts: 4,
        rescues: 0,
        snoozes: 0,
        enqueuedAt,
        dueAt: enqueuedAt,
        headers: { trace: "x" },
        tags: []
      })
    })
  )

  it.effect("CLAIM-1 a claimed job is active under its worker's lease", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      yield* TestClock.adjust(10)
      const now = yield* Clock.currentTimeMillis

      yield* queue.claim({ worker: "worker-7", leaseMillis: 2500 })

      const { leaseExpiresAt, startedAt, state, worker } = yield* queue.read("a")
      assert.deepStrictEqual(
        { leaseExpiresAt, startedAt, state, worker },
        { leaseExpiresAt: now + 2500, startedAt: now, state: "active", worker: "worker-7" }
      )
    })
  )

  it.effect("CLAIM-1 concurrent claims hand out each job to one holder", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const batch = jobs(50)
      yield* queue.enqueue(...batch)
      const claimAs = (worker: string) =>
        store.exchange({
          queue: queue.name,
          worker,
          settlements: [],
          claim: { number: 1, limit: 7, leaseMillis: 30_000 }
        })

      const replies = yield* Effect.forEach(["a", "b", "c", "d", "e", "f", "g", "h"], claimAs, { concurrency: 8 })

      const claimed = replies.flatMap((reply) => reply.claimed)
      assert.sameMembers(ids(claimed).slice(), ids(batch).slice())
      assert.strictEqual(new Set(claimed.map(({ token }) => token)).size, 50)
      yield* assertConserved(queue.name)
    })
  )

  it.effect("CLAIM-1 a claim of none hands out none", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))

      const reply = yield* queue.exchange({ claim: { limit: 0 } })

      assert.deepStrictEqual([ids(reply.claimed), reply.more], [[], true])
      assert.strictEqual(yield* queue.state("a"), "pending")
    })
  )

  it.effect("CLAIM-2 a claim on an empty queue answers nothing at once", (queue) =>
    Effect.gen(function* () {
      const reply = yield* queue.exchange({ claim: {} })

      assert.deepStrictEqual(reply, {
        settled: [],
        claimed: [],
        rescued: [],
        buried: [],
        more: false,
        paused: false,
        endings: []
      })
    })
  )

  it.effect("CLAIM-3 more is true exactly when visible jobs were left behind", (queue) =>
    Effect.gen(function* () {
      const more = Effect.map(queue.exchange({ claim: { limit: 1 } }), (reply) => reply.more)
      yield* queue.enqueue(job("a"), job("b"), job("later", { visible: { inMillis: 1000 } }))

      const answers = [yield* more, yield* more, yield* more]
      yield* queue.enqueue(job("c"))
      yield* TestClock.adjust(1000)
      answers.push(yield* more, yield* more)

      assert.deepStrictEqual(answers, [true, false, false, true, false])
    })
  )

  it.effect("CLAIM-3 a claim rescues 100 expired leases on the way, and sees no more of them", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(250))
      yield* queue.claim({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)
      const exchange = (limit: number) => queue.exchange({ claim: { limit, leaseMillis: 60_000 } })

      const replies = [yield* exchange(40), yield* exchange(160), yield* exchange(1000)]

      assert.deepStrictEqual(
        replies.map(({ claimed, more, nextInMillis, rescued }) => [rescued.length, claimed.length, more, nextInMillis]),
        [
          [100, 40, true, 0],
          [100, 160, false, 0],
          [50, 50, false, 60_000]
        ]
      )
    })
  )

  it.effect("CLAIM-3 a paused queue leaves no visible jobs behind", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      yield* queue.pause

      const reply = yield* queue.exchange({ claim: {} })

      assert.isFalse(reply.more)
    })
  )

  it.effect("CLAIM-4 every claim of a queue has a larger token than any before", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("c"), job("b"), job("a"))
      const first = yield* queue.claim()
      yield* queue.settle(...first.map((held) => release(held)))
      const second = yield* queue.claim({ worker: "other", leaseMillis: 100 })
      yield* TestClock.adjust(100)
      yield* queue.rescue(10)
      const third = yield* queue.claim()
      yield* queue.settle(...third.map((held) => complete(held)))
      yield* queue.enqueue(job("a"))

      const last = yield* queue.claim()

      const tokens = [first, second, third, last].flat().map(({ token }) => token)
      assert.lengthOf(tokens, 10)
      assert.deepStrictEqual(
        tokens,
        [...new Set(tokens)].toSorted((a, b) => a - b)
      )
    })
  )
})
