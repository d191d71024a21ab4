import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { maxErrorLength, maxFailures } from "../../domain/Job.ts"
import { contract } from "./contract.ts"
import { bury, cancel, complete, job, release, retry, snooze } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

/** Claims and fails a job once, a second after the claim. */
const failOnce = Effect.fnUntraced(function* (queue: TestQueue, error?: string) {
  const held = yield* queue.claimOne()
  yield* TestClock.adjust(1000)
  yield* queue.settle(retry(held, 0, error))
})

export const attemptsContract = contract("attempts", (it) => {
  it.effect("ATTEMPT-1 an attempt is counted when a job is claimed, from 1", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const before = yield* queue.read("a")

      const first = yield* queue.claimOne()
      const during = yield* queue.read("a")
      yield* queue.settle(retry(first))
      const after = yield* queue.read("a")
      const second = yield* queue.claimOne()

      assert.deepStrictEqual(
        [before, first, during, after, second].map(({ attempt }) => attempt),
        [0, 1, 1, 1, 2]
      )
    })
  )

  it.effect("ATTEMPT-2 release and snooze give the attempt back", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { maxAttempts: 1 }))
      const attempts: Array<number> = []

      for (const settle of [release, snooze, (held: Parameters<typeof release>[0]) => release(held, 1000)]) {
        const held = yield* queue.claimOne()
        yield* queue.settle(settle(held))
        attempts.push(held.attempt, (yield* queue.read("a")).attempt)
        yield* TestClock.adjust(1000)
      }

      assert.deepStrictEqual(attempts, [1, 0, 1, 0, 1, 0])
      assert.deepStrictEqual((yield* queue.read("a")).failures, [])
    })
  )

  it.effect("ATTEMPT-2 only the attempt of the claim is given back", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      yield* failOnce(queue)
      const second = yield* queue.claimOne()

      yield* queue.settle(release(second))

      assert.strictEqual((yield* queue.read("a")).attempt, 1)
    })
  )

  it.effect("ATTEMPT-3 a job that kills its worker ends among the dead letters", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { maxAttempts: 3 }))

      const attempts: Array<number> = []
      for (let i = 0; i < 3; i++) {
        const { attempt } = yield* queue.claimOne({ leaseMillis: 1000 })
        attempts.push(attempt)
        yield* TestClock.adjust(1000)
      }
      const last = yield* queue.claim()

      assert.deepStrictEqual([attempts, last], [[1, 2, 3], []])
      assert.deepInclude(yield* queue.read("a"), { state: "dead", deadReason: "crashed", attempt: 3, rescues: 3 })
    })
  )

  it.effect("ATTEMPT-4 a retry with no attempt left makes the job dead, exhausted", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { maxAttempts: 2, retainMillis: 1000 }))
      yield* failOnce(queue)
      const held = yield* queue.claimOne()
      const finishedAt = yield* Clock.currentTimeMillis

      const settled = yield* queue.settle(retry(held, 5000))

      const dead = yield* queue.read("a")
      assert.deepStrictEqual(settled, ["died"])
      assert.deepInclude(dead, { state: "dead", deadReason: "exhausted", attempt: 2, finishedAt })
      assert.notProperty(dead, "visibleAt")
    })
  )

  it.effect("ATTEMPT-5 a redriven job starts again from no attempts", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { maxAttempts: 2 }))
      yield* failOnce(queue)
      yield* failOnce(queue)
      yield* queue.redrive({ jobIds: ["a"] })
      const redriven = yield* queue.read("a")

      const first = yield* queue.claimOne()
      const settled = yield* queue.settle(retry(first))
      const second = yield* queue.claimOne()

      assert.deepStrictEqual([redriven.attempt, first.attempt, second.attempt], [0, 1, 2])
      assert.deepStrictEqual(settled, ["settled"])
    })
  )

  it.effect("ATTEMPT-5 a redriven job has no counts and no start, but its ledger", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { maxAttempts: 2 }))
      yield* queue.settle(snooze(yield* queue.claimOne(), 0))
      yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)
      yield* queue.settle(retry(yield* queue.claimOne()))
      const dead = yield* queue.read("a")

      yield* queue.redrive({ jobIds: ["a"] })
      const redriven = yield* queue.read("a")
      const claimed = yield* queue.claimOne()

      assert.deepInclude(dead, { state: "dead", attempt: 2, rescues: 1, snoozes: 1 })
      assert.property(dead, "startedAt")
      assert.deepInclude(redriven, { state: "pending", attempt: 0, rescues: 0, snoozes: 0, failures: dead.failures })
      assert.notProperty(redriven, "startedAt")
      assert.deepInclude(claimed, { attempt: 1, rescues: 0, snoozes: 0 })
    })
  )

  it.effect("ATTEMPT-6 a failed attempt is kept with its times and error", (queue) =>
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      yield* queue.enqueue(job("a"))

      yield* failOnce(queue, "first")
      yield* failOnce(queue, "second")

      assert.deepStrictEqual((yield* queue.read("a")).failures, [
        { attempt: 1, startedAt: start, endedAt: start + 1000, outcome: "retry", error: "first" },
        { attempt: 2, startedAt: start + 1000, endedAt: start + 2000, outcome: "retry", error: "second" }
      ])
    })
  )

  it.effect("ATTEMPT-6 dead, crashed and cancelled attempts are kept as such", (queue) =>
    Effect.gen(function* () {
      const ids = ["buried", "cancelled", "exhausted", "crashed"]
      const once = { maxAttempts: 1, retainMillis: 1000 }
      yield* queue.enqueue(job("buried"), job("cancelled", once), job("exhausted", once), job("crashed", once))
      const [buried, cancelled, exhausted] = yield* queue.claim({ leaseMillis: 1000 })
      yield* queue.settle(bury(buried!, "skipped", "1"), cancel(cancelled!, "2"), retry(exhausted!, 0, "3"))
      yield* TestClock.adjust(1000)
      yield* queue.rescue(1)

      const read = yield* Effect.forEach(ids, queue.read)

      const ledger = read.flatMap(({ failures }) => failures)
      assert.deepStrictEqual(
        ledger.map(({ outcome }) => outcome),
        ["dead", "cancelled", "dead", "crashed"]
      )
      assert.deepStrictEqual(
        ledger.slice(0, 3).map(({ error }) => error),
        ["1", "2", "3"]
      )
      assert.isNotEmpty(ledger[3]!.error)
    })
  )

  it.effect("ATTEMPT-6 a rescued attempt is kept with its times", (queue) =>
    Effect.gen(function* () {
      const startedAt = yield* Clock.currentTimeMillis
      yield* queue.enqueue(job("a"))
      yield* queue.claim({ leaseMillis: 1000 })
      yield* TestClock.adjust(1500)

      yield* queue.rescue(1)

      const [failure] = (yield* queue.read("a")).failures
      assert.deepInclude(failure, { attempt: 1, startedAt, endedAt: startedAt + 1500, outcome: "crashed" })
    })
  )

  it.effect("ATTEMPT-6 snoozed, released and completed attempts are not kept", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { retainMillis: 1000 }))

      yield* queue.settle(release(yield* queue.claimOne()))
      yield* queue.settle(snooze(yield* queue.claimOne(), 0))
      yield* queue.settle(complete(yield* queue.claimOne()))

      const { failures, state } = yield* queue.read("a")
      assert.deepStrictEqual([failures, state], [[], "completed"])
    })
  )

  it.effect("ATTEMPT-6 the ledger keeps the latest 20, oldest first", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { maxAttempts: 100 }))

      yield* Effect.forEach(Array(23).keys(), (i) => failOnce(queue, `error ${i + 1}`))

      const { failures } = yield* queue.read("a")
      assert.strictEqual(maxFailures, 20)
      assert.deepStrictEqual(
        failures.map(({ attempt, error }) => [attempt, error]),
        Array.from({ length: 20 }, (_, i) => [i + 4, `error ${i + 4}`])
      )
    })
  )

  it.effect("ATTEMPT-6 an error is kept exactly, whatever text it holds", (queue) =>
    Effect.gen(function* () {
      const errors = ["", "a\nb\r\n", "1,2,retry,3", "\0", 'said "no" \\', "żółć 🚀", "%d {}"]
      yield* queue.enqueue(job("a", { maxAttempts: 100 }))

      yield* Effect.forEach(errors, (error) => failOnce(queue, error))

      const { failures } = yield* queue.read("a")
      assert.deepStrictEqual(
        failures.map(({ error }) => error),
        errors
      )
    })
  )

  it.effect("BOUND-1 an overlong error is cut", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))

      yield* failOnce(queue, "x".repeat(maxErrorLength + 1))

      const [failure] = (yield* queue.read("a")).failures
      assert.strictEqual(failure!.error, "x".repeat(maxErrorLength))
    })
  )
})
