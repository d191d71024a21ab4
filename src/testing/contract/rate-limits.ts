import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { QueueControl, type RateLimit } from "../../ports/QueueControl.ts"
import { contract } from "./contract.ts"
import { complete, depths, ids, job, jobs, release, retry } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

const kind = "contract.job"

/** Ten a second, of which `burst` at once. */
const tenPerSecond = (burst: number): RateLimit => ({ limit: 10, perMillis: 1000, burst })

const setRate = (queue: TestQueue, limit: RateLimit | undefined, of = kind) =>
  QueueControl.use((control) => control.setRateLimit(queue.name, of, limit))

const rates = (queue: TestQueue) => QueueControl.use((control) => control.rateLimits(queue.name))

export const rateLimitsContract = contract("rate limits", (it) => {
  it.effect("RATE-1 a bucket starts full and is refilled continuously", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, tenPerSecond(3))
      yield* queue.enqueue(...jobs(20))

      const counts = []
      for (const wait of [0, 0, 99, 1, 250, 50, 10_000]) {
        yield* TestClock.adjust(wait)
        counts.push((yield* queue.claim()).length)
      }

      assert.deepStrictEqual(counts, [3, 0, 0, 1, 2, 1, 3])
    })
  )

  it.effect("RATE-1 the bucket is shared by all workers", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, tenPerSecond(3))
      yield* queue.enqueue(...jobs(20))

      const one = yield* queue.exchange({ worker: "one", claim: { number: 1, limit: 2 } })
      const two = yield* queue.exchange({ worker: "two", claim: { number: 1, limit: 2 } })
      const three = yield* queue.exchange({ worker: "three", claim: { number: 1, limit: 2 } })

      assert.deepStrictEqual(
        [one, two, three].map(({ claimed }) => claimed.length),
        [2, 1, 0]
      )
    })
  )

  it.effect("RATE-1 over a long time neither more nor less than the limit starts", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, { limit: 7, perMillis: 1000, burst: 1 })
      yield* queue.enqueue(...jobs(200))

      let started = 0
      for (let i = 0; i < 1000; i++) {
        const claimed = yield* queue.claim({ limit: 5 })
        started += claimed.length
        yield* TestClock.adjust(10)
      }

      assert.isAtLeast(started, 65)
      assert.isAtMost(started, 71)
    })
  )

  it.effect("RATE-2 jobs over the limit keep their order and count no attempt", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, tenPerSecond(1))
      yield* queue.enqueue(job("a"), job("b"), job("urgent", { priority: 1 }), job("c"))

      const order = []
      for (let i = 0; i < 4; i++) {
        order.push(...ids(yield* queue.claim()))
        yield* TestClock.adjust(100)
      }
      const { attempt } = yield* queue.read("c")

      assert.deepStrictEqual(order, ["urgent", "a", "b", "c"])
      assert.strictEqual(attempt, 1)
      assert.deepInclude(yield* queue.counters, { claimed: 4, released: 0, snoozed: 0 })
    })
  )

  it.effect("RATE-2 a limited job is pending: read, listed, counted, cancelled, replaced like others", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, tenPerSecond(1))
      yield* queue.enqueue(job("first"), job("a"), job("b", { kind: "other", priority: 9 }), job("c"))
      yield* queue.enqueue(job("d", { uniqueKey: "k" }))
      yield* queue.claim({ limit: 1 })

      const replaced = yield* queue.enqueue(job("e", { uniqueKey: "k", onDuplicate: "replace", payload: "new" }))
      const cancelled = yield* JobStore.use((store) =>
        store.cancel({ queue: queue.name, jobId: "c", reason: "not wanted" })
      )

      assert.deepStrictEqual(replaced, [{ _tag: "Replaced", of: "d" }])
      assert.strictEqual(cancelled, "cancelled")
      assert.deepStrictEqual(yield* queue.states("a", "b", "c", "d"), ["pending", "pending", "none", "pending"])
      assert.deepStrictEqual(yield* queue.depths, depths({ active: 1, pending: 3 }))
      assert.deepStrictEqual(yield* queue.listFrom("pending", 1), ["a", "d", "b"])
      assert.strictEqual((yield* queue.read("d")).payload, "new")
    })
  )

  it.effect("RATE-2 a limited job that is released or retried waits for a token again", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, tenPerSecond(2))
      yield* queue.enqueue(job("a"), job("b"))
      const [a, b] = yield* queue.claim()

      yield* queue.settle(release(a!), retry(b!))
      const none = yield* queue.claim()
      yield* TestClock.adjust(100)
      const one = yield* queue.claim()
      yield* TestClock.adjust(100)
      const two = yield* queue.claim()

      assert.deepStrictEqual([none, one, two].map(ids), [[], ["a"], ["b"]])
    })
  )

  it.effect("RATE-3 other kinds are not held back by a limited one in front of them", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, tenPerSecond(1))
      yield* queue.enqueue(...jobs(1500), job("free", { kind: "other" }), job("free-too", { kind: "other" }))

      const first = yield* queue.claim({ limit: 2 })
      const claims = [first]
      for (let i = 0; i < 4; i++) claims.push(yield* queue.claim({ limit: 2 }))

      const all = claims.flat().map(({ id }) => id)
      assert.includeMembers(all, ["free", "free-too"])
      assert.strictEqual(all.filter((id) => id.startsWith("job-")).length, 1)
    })
  )

  it.effect("RATE-4 a claim that finds no token answers when to ask again", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, { limit: 1, perMillis: 1000, burst: 5 })
      yield* queue.enqueue(...jobs(20))
      const full = yield* queue.exchange({ claim: { limit: 5, leaseMillis: 60_000 } })
      yield* TestClock.adjust(400)

      const slow = yield* queue.exchange({ claim: { limit: 5, leaseMillis: 60_000 } })
      yield* setRate(queue, { limit: 100, perMillis: 1000, burst: 50 })
      yield* queue.exchange({ claim: { limit: 50, leaseMillis: 60_000 } })
      const fast = yield* queue.exchange({ claim: { limit: 50, leaseMillis: 60_000 } })

      assert.deepStrictEqual([full.claimed.length, full.more, full.nextInMillis], [5, false, 1000])
      assert.deepStrictEqual([slow.claimed.length, slow.more, slow.nextInMillis], [0, false, 600])
      assert.deepStrictEqual([fast.claimed.length, fast.nextInMillis], [0, 96])
    })
  )

  it.effect("CLAIM-3 RATE-4 due jobs without tokens are not more, whoever claims how many", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, tenPerSecond(1))
      yield* queue.enqueue(job("first"), job("due", { visible: { inMillis: 50 } }))
      yield* queue.claimOne({ leaseMillis: 60_000 })
      yield* TestClock.adjust(50)
      const look = (number: number, limit: number) =>
        Effect.map(queue.exchange({ claim: { number, limit, leaseMillis: 60_000 } }), ({ more, nextInMillis }) => [
          more,
          nextInMillis
        ])

      const answers = [yield* look(2, 0), yield* look(2, 5), yield* look(3, 5)]
      yield* TestClock.adjust(50)
      const withToken = yield* look(4, 0)

      assert.deepStrictEqual(answers, Array(3).fill([false, 50]))
      assert.strictEqual(withToken[0], true)
    })
  )

  it.effect("CLAIM-3 RATE-4 nor are they behind many jobs of other kinds", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, tenPerSecond(1))
      yield* queue.enqueue(job("first"), ...Array.from({ length: 150 }, (_, i) => job(`${i}`, { kind: "other" })))
      yield* queue.enqueue(job("due", { visible: { inMillis: 50 } }))
      yield* queue.claim({ limit: 1, leaseMillis: 60_000 })
      yield* TestClock.adjust(50)

      const { claimed, more, nextInMillis } = yield* queue.exchange({ claim: { limit: 150, leaseMillis: 60_000 } })

      assert.deepStrictEqual([claimed.length, more, nextInMillis], [150, false, 50])
    })
  )

  it.effect("CLAIM-3 RATE-5 a limit that is lifted while nobody may claim leaves no job behind", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, tenPerSecond(1))
      yield* setRate(queue, tenPerSecond(1), "other")
      yield* queue.enqueue(job("first"), job("waiting"), job("due", { visible: { inMillis: 50 } }))
      yield* queue.claimOne()
      yield* setRate(queue, undefined)
      yield* JobStore.use((store) => store.cancel({ queue: queue.name, jobId: "waiting", reason: "not wanted" }))
      yield* TestClock.adjust(50)

      const none = yield* queue.exchange({ claim: { limit: 0 } })
      yield* setRate(queue, undefined, "other")
      const last = yield* queue.claim()

      assert.isTrue(none.more)
      assert.deepStrictEqual(ids(last), ["due"])
    })
  )

  it.effect("RATE-5 a limit set while jobs wait holds for them, and lifting it sets them free", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(10))
      yield* setRate(queue, tenPerSecond(2))
      const limited = yield* queue.claim()
      const during = yield* rates(queue)
      yield* setRate(queue, undefined)
      const lifted = yield* rates(queue)
      const all = yield* queue.claim()
      yield* queue.enqueue(...jobs(3).map(({ id, ...rest }) => ({ ...rest, id: `late-${id}` })))
      const later = yield* queue.claim()

      assert.deepStrictEqual([limited.length, all.length, later.length], [2, 8, 3])
      assert.deepStrictEqual([during, lifted], [{ [kind]: tenPerSecond(2) }, {}])
      yield* queue.settle(...[...limited, ...all, ...later].map((held) => complete(held)))
      assert.deepStrictEqual(yield* queue.depths, depths({}))
    })
  )

  it.effect("RATE-5 a limit is set in the words of a task, and checked as there", (queue) =>
    Effect.gen(function* () {
      yield* Inspector.setRateLimit(queue.name, kind, { limit: 2, per: "1 minute" })
      const set = yield* rates(queue)
      const wrong = yield* Effect.flip(Inspector.setRateLimit(queue.name, kind, { limit: 0, per: "1 minute" }))
      const kept = yield* rates(queue)
      yield* Inspector.setRateLimit(queue.name, kind, undefined)

      assert.deepStrictEqual(set, { [kind]: { limit: 2, perMillis: 60_000, burst: 2 } })
      assert.deepInclude(wrong, { _tag: "InvalidInput", field: `rateLimit.limit of ${kind}` })
      assert.deepStrictEqual(kept, set)
      assert.deepStrictEqual(yield* rates(queue), {})
    })
  )

  it.effect("RATE-5 a changed limit keeps what is in the bucket, up to its burst", (queue) =>
    Effect.gen(function* () {
      yield* setRate(queue, tenPerSecond(5))
      yield* queue.enqueue(...jobs(20))
      yield* queue.claim({ limit: 1 })

      yield* setRate(queue, tenPerSecond(2))
      const lowered = yield* queue.claim()
      yield* setRate(queue, tenPerSecond(10))
      const raised = yield* queue.claim()

      assert.deepStrictEqual([lowered.length, raised.length], [2, 0])
    })
  )
})
