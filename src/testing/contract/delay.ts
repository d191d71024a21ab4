import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { maxDelayMillis } from "../../domain/limits.ts"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { contract } from "./contract.ts"
import { bury, cancel, complete, depths, ids, job, jobs, retry } from "./support.ts"

export const delayContract = contract("delay", (it) => {
  it.effect("DELAY-1 a delayed job is visible from now plus delay, not before", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { visible: { inMillis: 1000 } }))

      yield* TestClock.adjust(999)
      const early = yield* queue.claim()
      yield* TestClock.adjust(1)
      const due = yield* queue.claim()

      assert.deepStrictEqual([early, due].map(ids), [[], ["a"]])
    })
  )

  it.effect("DELAY-1 a delay may be a part of a millisecond, or a century", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* queue.enqueue(
        ...[10.25, maxDelayMillis].map((inMillis) => job(`in-${inMillis}`, { visible: { inMillis } }))
      )

      yield* TestClock.adjust(10)
      const early = yield* queue.claim()
      yield* TestClock.adjust(1)
      const due = yield* queue.claim()

      assert.deepStrictEqual([early, due].map(ids), [[], ["in-10.25"]])
      assert.strictEqual((yield* queue.read(`in-${maxDelayMillis}`)).visibleAt, now + maxDelayMillis)
    })
  )

  it.effect("DELAY-1 a job that became visible is no longer said to wait", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { visible: { inMillis: 1000 } }))
      yield* TestClock.adjust(1000)

      yield* queue.claim()

      assert.notProperty(yield* queue.read("a"), "visibleAt")
    })
  )

  it.effect("DELAY-2 a job for an instant is visible from that instant", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* queue.enqueue(job("a", { visible: { at: now + 1000 } }))

      yield* TestClock.adjust(999)
      const early = yield* queue.claim()
      yield* TestClock.adjust(1)
      const due = yield* queue.claim()

      assert.deepStrictEqual([early, due].map(ids), [[], ["a"]])
    })
  )

  it.effect("DELAY-2 an instant that has passed means at once", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const instants = [now, now - 1, now - 86_400_000, 0]

      yield* queue.enqueue(...instants.map((at, i) => job(`job-${i}`, { visible: { at } })))

      assert.deepStrictEqual(yield* queue.depths, depths({ pending: 4 }))
      assert.deepStrictEqual(ids(yield* queue.claim()), ["job-0", "job-1", "job-2", "job-3"])
    })
  )

  it.effect("DELAY-3 promote moves at most limit due jobs, soonest first", (queue) =>
    Effect.gen(function* () {
      const delays = [300, 100, 200, 301]
      yield* queue.enqueue(...delays.map((inMillis) => job(`in-${inMillis}`, { visible: { inMillis } })))
      yield* TestClock.adjust(300)

      const first = yield* queue.promote(2)
      const moved = yield* queue.listFrom("pending", 10)
      const second = yield* queue.promote(2)
      const third = yield* queue.promote(2)

      assert.deepStrictEqual([first, second, third], [2, 1, 0])
      assert.sameMembers(moved.slice(), ["in-100", "in-200"])
      assert.deepStrictEqual(yield* queue.listFrom("scheduled", 10), ["in-301"])
    })
  )

  it.effect("DELAY-3 delayed jobs are promoted before retries", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("retry-late"), job("retry-soon"))
      const [late, soon] = yield* queue.claim()
      yield* queue.settle(retry(late!, 20), retry(soon!, 10))
      yield* queue.enqueue(
        job("delay-late", { visible: { inMillis: 40 } }),
        job("delay-soon", { visible: { inMillis: 30 } })
      )
      yield* TestClock.adjust(40)

      const order: Array<string> = []
      for (let i = 0; i < 4; i++) {
        yield* queue.promote(1)
        const moved = yield* queue.listFrom("pending", 10)
        order.push(...moved.filter((id) => !order.includes(id)))
      }

      assert.deepStrictEqual(order, ["delay-soon", "delay-late", "retry-soon", "retry-late"])
    })
  )

  it.effect("DELAY-3 a promotion of none moves none", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { visible: { inMillis: 1 } }))
      yield* TestClock.adjust(1)

      const promoted = yield* queue.promote(0)

      assert.strictEqual(promoted, 0)
      assert.strictEqual(yield* queue.state("a"), "scheduled")
    })
  )

  it.effect("DELAY-1 more due jobs than one claim promotes are all handed out", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(1500, { visible: { inMillis: 10 } }))
      yield* TestClock.adjust(10)

      const first = yield* queue.claim({ limit: 1500 })
      const second = yield* queue.claim({ limit: 1500 })

      assert.strictEqual(new Set(ids([...first, ...second])).size, 1500)
    })
  )

  it.effect("DELAY-4 a claim answers the time to the soonest delay, retry or expiry", (queue) =>
    Effect.gen(function* () {
      const next = Effect.map(queue.exchange({ claim: { limit: 1, leaseMillis: 4000 } }), (reply) => reply.nextInMillis)

      yield* queue.enqueue(job("delayed", { visible: { inMillis: 5000 } }))
      const untilDelay = yield* next
      yield* queue.enqueue(job("leased"))
      const afterOwnClaim = yield* next
      yield* TestClock.adjust(1000)
      const untilExpiry = yield* next
      yield* queue.enqueue(job("failed"))
      const failed = yield* queue.claimOne()
      yield* queue.settle(retry(failed, 100))
      const untilRetry = yield* next

      assert.deepStrictEqual([untilDelay, afterOwnClaim, untilExpiry, untilRetry], [5000, 5000, 3000, 100])
    })
  )

  it.effect("DELAY-4 a claim that could not reach all due jobs answers zero", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(1500, { visible: { inMillis: 10 } }))
      yield* TestClock.adjust(20)

      const reply = yield* queue.exchange({ claim: { limit: 1000 } })

      assert.lengthOf(reply.claimed, 1000)
      assert.strictEqual(reply.nextInMillis, 0)
    })
  )

  it.effect("DELAY-4 a claim that knows of no change names no time", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { retainMillis: 1000 }))
      const held = yield* queue.claimOne()

      const reply = yield* queue.exchange({ settlements: [complete(held)], claim: {} })

      assert.notProperty(reply, "nextInMillis")
    })
  )

  it.effect("DELAY-5 jobs that wait for their time are visible at once when they are told to run now", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("failed"))
      yield* queue.settle(retry(yield* queue.claimOne(), 60_000))
      yield* queue.enqueue(
        job("put-off", { visible: { inMillis: 60_000 } }),
        job("later", { visible: { inMillis: 1 } })
      )

      const moved = yield* queue.runNow("put-off", "failed", "put-off")
      const claimed = yield* queue.claim()

      assert.deepStrictEqual(moved, ["put-off", "failed"])
      // in the order of their enqueue, as if they had never waited
      assert.deepStrictEqual(ids(claimed), ["failed", "put-off"])
      assert.deepStrictEqual(
        claimed.map(({ attempt }) => attempt),
        [2, 1]
      )
      assert.strictEqual(yield* queue.state("later"), "scheduled")
    })
  )

  it.effect("DELAY-5 jobs that do not wait for their time, or are not stored, are left alone", (queue) =>
    Effect.gen(function* () {
      const retainMillis = 60_000
      yield* queue.enqueue(...["done", "dead", "cancelled", "active"].map((id) => job(id, { retainMillis })))
      const [done, dead, cancelled] = yield* queue.claim({ limit: 4 })
      yield* queue.settle(complete(done!), bury(dead!), cancel(cancelled!))
      yield* queue.enqueue(job("pending"))
      const all = ["done", "dead", "cancelled", "active", "pending"]
      const before = yield* queue.states(...all)

      const moved = yield* queue.runNow(...all, "unknown")

      assert.deepStrictEqual(moved, [])
      assert.deepStrictEqual(before, ["completed", "dead", "cancelled", "active", "pending"])
      assert.deepStrictEqual(yield* queue.states(...all), before)
      assert.deepStrictEqual(yield* queue.runNow(), [])
    })
  )

  it.effect("DELAY-5 a job of a limited kind that is told to run now waits for a token like any other", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      yield* control.setRateLimit(queue.name, "slow", { limit: 1, perMillis: 10_000, burst: 1 })
      yield* queue.enqueue(...jobs(2, { kind: "slow", visible: { inMillis: 600_000 } }))

      const moved = yield* queue.runNow("job-1", "job-2")
      const first = yield* queue.claim()
      const none = yield* queue.claim()
      yield* TestClock.adjust(10_000)
      const second = yield* queue.claim()

      assert.deepStrictEqual(moved, ["job-1", "job-2"])
      assert.deepStrictEqual([first, none, second].map(ids), [["job-2"], [], ["job-1"]])
    })
  )

  it.effect("DELAY-6 a job is due from its enqueue, or the end of its delay", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const put = {
        once: job("once"),
        later: job("later", { visible: { inMillis: 5000 } }),
        at: job("at", { visible: { at: now + 6000 }, headers: { a: "b" }, tags: ["c"] }),
        past: job("past", { visible: { at: now - 1000 } })
      }
      yield* queue.enqueue(...Object.values(put))

      yield* TestClock.adjust(10_000)
      const claimed = yield* queue.claim()

      const due = { once: now, later: now + 5000, at: now + 6000, past: now }
      assert.deepStrictEqual(Object.fromEntries(claimed.map(({ dueAt, id }) => [id, dueAt])), due)
      for (const [id, dueAt] of Object.entries(due))
        assert.deepInclude(yield* queue.read(id), { dueAt, enqueuedAt: now })
      assert.deepInclude(yield* queue.read("at"), { headers: { a: "b" }, tags: ["c"] })
    })
  )

  it.effect("DELAY-6 what is redriven, replaced or told to run now is due then", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const far = { visible: { inMillis: 600_000 } }
      const keyed = (id: string) => job(id, { ...far, uniqueKey: id })
      yield* queue.enqueue(job("dead", { ...far, tags: ["a"] }), job("now", { ...far, headers: { a: "b" } }))
      yield* queue.enqueue(keyed("replaced"), keyed("replaced-later"))
      yield* queue.runNow("dead")
      yield* queue.settle(bury(yield* queue.claimOne()))
      yield* TestClock.adjust(1000)

      yield* queue.redrive({ jobIds: ["dead"] })
      yield* queue.runNow("now")
      const replacing = { onDuplicate: "replace", payload: "{}" } as const
      yield* queue.enqueue(job("x", { uniqueKey: "replaced", ...replacing }))
      yield* queue.enqueue(job("y", { uniqueKey: "replaced-later", ...replacing, visible: { inMillis: 5000 } }))

      const dueIn = (id: string) => Effect.map(queue.read(id), ({ dueAt }) => dueAt - now)
      assert.deepStrictEqual(
        yield* Effect.forEach(["dead", "now", "replaced", "replaced-later"], dueIn),
        [1000, 1000, 1000, 6000]
      )
      assert.deepInclude(yield* queue.read("dead"), { tags: ["a"] })
      assert.deepInclude(yield* queue.read("now"), { headers: { a: "b" } })
    })
  )

  it.effect("DELAY-6 an instant before all others leaves no trace in what is due anew", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* queue.enqueue(job("a", { visible: { at: -1 }, tags: ["b"] }))
      yield* queue.settle(bury(yield* queue.claimOne()))
      yield* TestClock.adjust(1000)

      yield* queue.redrive({ jobIds: ["a"] })

      assert.deepInclude(yield* queue.claimOne(), { id: "a", dueAt: now + 1000, tags: ["b"] })
    })
  )

  it.effect("DELAY-5 an operator may tell more jobs to run now than one call takes", (queue) =>
    Effect.gen(function* () {
      const put = jobs(1001, { visible: { inMillis: 60_000 } })
      yield* queue.enqueue(...put)

      const moved = yield* Inspector.runNow(queue.name, [...ids(put), "unknown"])

      assert.deepStrictEqual(moved, ids(put))
      assert.deepInclude(yield* queue.depths, { pending: 1001, scheduled: 0 })
    })
  )
})
