import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { DeadReason } from "../../domain/Job.ts"
import { contract } from "./contract.ts"
import { bury, cancel, complete, depths, ids, job, jobs, release, retry, snooze } from "./support.ts"

export const settleContract = contract("settle", (it) => {
  it.effect("SETTLE-1 a completed job and its result stay for its retention", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { retainMillis: 1000 }))
      const held = yield* queue.claimOne()
      yield* TestClock.adjust(10)
      const finishedAt = yield* Clock.currentTimeMillis

      const settled = yield* queue.settle(complete(held, '{"sum":\n"3,\0"}'))

      const done = yield* queue.read("a")
      assert.deepStrictEqual(settled, ["settled"])
      assert.deepInclude(done, { state: "completed", result: '{"sum":\n"3,\0"}', finishedAt, attempt: 1 })
      assert.doesNotHaveAnyKeys(done, ["leaseExpiresAt", "worker", "visibleAt"])
    })
  )

  it.effect("SETTLE-1 an empty result is a result, and none is none", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("empty", { retainMillis: 1000 }), job("none", { retainMillis: 1000 }))
      const [empty, none] = yield* queue.claim()

      yield* queue.settle(complete(empty!, ""), complete(none!))

      assert.strictEqual((yield* queue.read("empty")).result, "")
      assert.notProperty(yield* queue.read("none"), "result")
    })
  )

  it.effect("SETTLE-1 without retention nothing of a completed job stays", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()

      const settled = yield* queue.settle(complete(held, "1"))

      assert.deepStrictEqual(settled, ["settled"])
      assert.strictEqual(yield* queue.state("a"), "none")
      assert.deepStrictEqual(yield* queue.depths, depths({}))
    })
  )

  it.effect("SETTLE-2 a retried job is in retry until its delay is over", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const now = yield* Clock.currentTimeMillis
      yield* queue.settle(retry(yield* queue.claimOne(), 1000))
      const waiting = yield* queue.read("a")

      yield* TestClock.adjust(999)
      const early = yield* queue.claim()
      yield* TestClock.adjust(1)
      const due = yield* queue.claim()

      assert.deepInclude(waiting, { state: "retry", visibleAt: now + 1000 })
      assert.deepStrictEqual([early, due].map(ids), [[], ["a"]])
    })
  )

  it.effect("SETTLE-2 a retry without delay is in retry as well", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))

      yield* queue.settle(retry(yield* queue.claimOne(), 0))
      const state = yield* queue.state("a")
      const claimed = yield* queue.claim()

      assert.strictEqual(state, "retry")
      assert.deepStrictEqual(ids(claimed), ["a"])
    })
  )

  it.effect("SETTLE-2 the delays of all settlements may be parts of a millisecond", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("retry"), job("snooze"), job("release"))
      const [retried, snoozed, released] = yield* queue.claim()
      yield* queue.settle(retry(retried!, 10.25), snooze(snoozed!, 10.25), release(released!, 10.25))

      yield* TestClock.adjust(10)
      const early = yield* queue.claim()
      yield* TestClock.adjust(1)
      const due = yield* queue.claim()

      assert.deepStrictEqual([early, due].map(ids), [[], ["retry", "snooze", "release"]])
    })
  )

  it.effect("SETTLE-3 a buried job is dead at once with the reason given", (queue) =>
    Effect.gen(function* () {
      const reasons: ReadonlyArray<DeadReason> = ["exhausted", "crashed", "skipped", "undecodable"]
      yield* queue.enqueue(...reasons.map((reason) => job(reason, { maxAttempts: 9 })))
      const claimed = yield* queue.claim()
      const finishedAt = yield* Clock.currentTimeMillis

      const settled = yield* queue.settle(...claimed.map((held, i) => bury(held, reasons[i])))

      const dead = yield* Effect.forEach(reasons, queue.read)
      assert.deepStrictEqual(settled, Array(4).fill("settled"))
      assert.deepStrictEqual<unknown>(
        dead.map((job) => [job.state, job.deadReason, job.finishedAt]),
        reasons.map((reason) => ["dead", reason, finishedAt])
      )
    })
  )

  it.effect("SETTLE-4 a cancelled job stays for its retention", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("kept", { retainMillis: 1000 }), job("gone"))
      const [kept, gone] = yield* queue.claim()
      const finishedAt = yield* Clock.currentTimeMillis

      const settled = yield* queue.settle(cancel(kept!, "obsolete"), cancel(gone!))

      assert.deepStrictEqual(settled, ["settled", "settled"])
      assert.deepInclude(yield* queue.read("kept"), { state: "cancelled", finishedAt })
      assert.strictEqual(yield* queue.state("gone"), "none")
    })
  )

  it.effect("SETTLE-5 a snoozed job is scheduled for the delay, and the snooze counted", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const now = yield* Clock.currentTimeMillis
      yield* queue.settle(snooze(yield* queue.claimOne(), 1000))
      const waiting = yield* queue.read("a")

      yield* TestClock.adjust(999)
      const early = yield* queue.claim()
      yield* TestClock.adjust(1)
      const [due] = yield* queue.claim()

      assert.deepInclude(waiting, { state: "scheduled", visibleAt: now + 1000, snoozes: 1 })
      assert.deepStrictEqual(early, [])
      assert.deepInclude(due, { id: "a", snoozes: 1, attempt: 1 })
    })
  )

  it.effect("SETTLE-6 a released job is pending again at once", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))

      yield* queue.settle(release(yield* queue.claimOne()))

      const released = yield* queue.read("a")
      assert.deepInclude(released, { state: "pending", snoozes: 0, rescues: 0 })
      assert.doesNotHaveAnyKeys(released, ["leaseExpiresAt", "worker", "visibleAt", "finishedAt"])
    })
  )

  it.effect("SETTLE-6 a job released with a delay is scheduled for it", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const now = yield* Clock.currentTimeMillis

      yield* queue.settle(release(yield* queue.claimOne(), 1000))

      assert.deepInclude(yield* queue.read("a"), { state: "scheduled", visibleAt: now + 1000, snoozes: 0 })
    })
  )

  it.effect("SETTLE-7 one stale settlement does not hinder the others", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), job("b", { maxAttempts: 1 }), job("c"), job("d"))
      const [a, b, c, d] = yield* queue.claim()

      const settled = yield* queue.settle(
        complete(a!),
        retry(b!),
        complete({ id: "c", token: c!.token + 9 }),
        complete({ id: "unknown", token: 1 }),
        bury(d!),
        complete(d!)
      )

      assert.deepStrictEqual(settled, ["settled", "died", "stale", "gone", "settled", "repeated"])
      assert.deepStrictEqual(yield* queue.states("a", "b", "c", "d"), ["none", "dead", "active", "dead"])
    })
  )

  it.effect("SETTLE-7 the first of two settlements of one job counts", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { retainMillis: 1000 }))
      const held = yield* queue.claimOne()

      const settled = yield* queue.settle(cancel(held), complete(held), retry(held))

      assert.deepStrictEqual(settled, ["settled", "repeated", "repeated"])
      assert.strictEqual(yield* queue.state("a"), "cancelled")
    })
  )

  it.effect("SETTLE-7 a claim hands out what its settlements set free", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("released"), job("retried"), job("snoozed"), job("done"))
      const [released, retried, snoozed, done] = yield* queue.claim()

      const { claimed, settled } = yield* queue.exchange({
        settlements: [release(released!), retry(retried!, 0), snooze(snoozed!, 1000), complete(done!)],
        claim: {}
      })

      assert.deepStrictEqual(settled, Array(4).fill("settled"))
      assert.deepStrictEqual(
        claimed.map(({ attempt, id }) => [id, attempt]),
        [
          ["released", 1],
          ["retried", 2]
        ]
      )
    })
  )

  it.effect("SETTLE-7 a thousand settlements and a claim fit into one exchange", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(1000, { retainMillis: 1000 }), job("next"))
      const claimed = yield* queue.claim({ limit: 1000 })

      const reply = yield* queue.exchange({
        settlements: claimed.map((held) => complete(held, held.id)),
        claim: {}
      })

      assert.deepStrictEqual(reply.settled, Array(1000).fill("settled"))
      assert.deepStrictEqual(ids(reply.claimed), ["next"])
      assert.deepStrictEqual(yield* queue.depths, depths({ completed: 1000, active: 1 }))
    })
  )

  it.effect("SETTLE-7, SETTLE-1 thousands of jobs end in one exchange, each with what its end takes", (queue) =>
    Effect.gen(function* () {
      const count = 4500
      const isKept = (i: number) => i % 3 > 0
      const hasKey = (i: number) => i % 2 > 0
      const hasFailed = (i: number) => i % 5 === 0
      const hasResult = (i: number) => i % 7 > 0
      const resultOf = (id: string) => `"result of ${id}"`
      const batch = Array.from({ length: count }, (_, i) =>
        job(`job-${i}`, { retainMillis: isKept(i) ? 60_000 : 0, ...(hasKey(i) ? { uniqueKey: `key-${i}` } : {}) })
      )
      yield* queue.enqueue(...batch)
      const first = yield* queue.claim({ limit: count })
      yield* queue.settle(...first.filter((_, i) => hasFailed(i)).map((held) => retry(held)))
      const second = yield* queue.claim({ limit: count })
      const held = first.map((one, i) => (hasFailed(i) ? second[i / 5]! : one))

      const settled = yield* queue.settle(
        ...held.map((one, i) => complete(one, hasResult(i) ? resultOf(one.id) : undefined)),
        ...held.slice(0, 6).map((one) => complete(one, "1"))
      )
      const kept = yield* Effect.forEach([1, 5, 7, 10], (i) => queue.read(`job-${i}`))
      const gone = yield* queue.states("job-0", "job-3", "job-15")
      const again = yield* queue.enqueue(
        ...batch.filter((_, i) => hasKey(i)).map((one) => ({ ...one, id: `${one.id}-2` }))
      )

      assert.deepStrictEqual(settled, [
        ...Array(count).fill("settled"),
        ...[0, 1, 2, 3, 4, 5].map((i) => (isKept(i) ? "repeated" : "gone"))
      ])
      assert.deepStrictEqual(
        kept.map(({ attempt, failures, result, state }) => [state, attempt, failures.length, result]),
        [
          ["completed", 1, 0, resultOf("job-1")],
          ["completed", 2, 1, resultOf("job-5")],
          ["completed", 1, 0, undefined],
          ["completed", 2, 1, resultOf("job-10")]
        ]
      )
      assert.deepStrictEqual(gone, ["none", "none", "none"])
      assert.isTrue(again.every(({ _tag }) => _tag === "Enqueued"))
      assert.deepStrictEqual(yield* queue.depths, depths({ completed: 3000, pending: 2250 }))
      assert.deepInclude(yield* queue.counters, { completed: count, removed: 1500, retried: 900 })
      // nothing stays of the failure of a job that is gone
      yield* queue.enqueue(job("job-15"))
      assert.deepInclude(yield* queue.read("job-15"), { attempt: 0, failures: [] })
    })
  )
})
