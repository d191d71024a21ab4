import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { Job, JobId } from "../../domain/Job.ts"
import { explain, type Explanation } from "../../features/inspector/Explain.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { contract } from "./contract.ts"
import { bury, cancel, complete, job, jobs, retry } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

const why = (queue: TestQueue, id: JobId) => explain(id, queue.name)

const obstacles = (explanation: Explanation) =>
  explanation._tag === "Pending" ? explanation.obstacles : assert.fail(`it is ${explanation._tag}`)

const obstaclesOf = (queue: TestQueue, id: JobId) => Effect.map(why(queue, id), obstacles)

/** Without the job itself, which other tests look at. */
const told = (explanation: Explanation): unknown => {
  const { job, ...rest } = explanation as Explanation & { readonly job?: Job }
  return { ...rest, id: job?.id }
}

const report = (now: number, options: object = {}) =>
  JSON.stringify({
    ...{ version: 1, at: now, host: "here", pid: 1, startedAt: now, queues: [], concurrency: 2, leaseMillis: 30_000 },
    ...{ stopping: false, running: 0, jobs: [], completed: 0, failed: 0, kinds: [], wait: {}, run: {} },
    ...options
  })

const none = { count: 0, totalMillis: 0, buckets: [] }

/** A worker that says of itself what the options say. */
const worker = Effect.fnUntraced(function* (queue: TestQueue, id: string, options: object = {}) {
  const about = report(yield* Clock.currentTimeMillis, { wait: none, run: none, ...options })
  yield* JobStore.use((store) =>
    store.extendLeases({ queue: queue.name, worker: id, leases: [], leaseMillis: 30_000, about })
  )
})

export const explainingContract = contract("explaining", (it) => {
  it.effect("EXPLAIN-1 a job that no queue has is missing", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("other"))

      assert.deepStrictEqual(yield* explain("nowhere-at-all"), { _tag: "Missing", jobId: "nowhere-at-all" })
      assert.deepStrictEqual(yield* why(queue.sibling, "other"), { _tag: "Missing", jobId: "other" })
    })
  )

  it.effect("EXPLAIN-1 of a job that has ended it is told how, when and why", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* queue.enqueue(...["done", "off", "dead", "late"].map((id) => job(id, { retainMillis: 60_000 })))
      const [done, off, dead] = yield* queue.claim({ limit: 3 })
      yield* queue.settle(complete(done!, "1"), cancel(off!, "not wanted"), bury(dead!, "skipped", "bounced"))
      yield* queue.enqueue(job("expired", { retainMillis: 60_000, priority: 1, expires: { inMillis: 1 } }))
      yield* TestClock.adjust(1)
      yield* queue.claim({ limit: 1 })

      const all = yield* Effect.forEach(["done", "off", "dead", "expired"], (id) => why(queue, id))

      assert.deepStrictEqual(all.map(told), [
        { _tag: "Ended", id: "done", state: "completed", finishedAt: now },
        { _tag: "Ended", id: "off", state: "cancelled", finishedAt: now, reason: "cancelled", error: "not wanted" },
        { _tag: "Ended", id: "dead", state: "dead", finishedAt: now, reason: "skipped", error: "bounced" },
        {
          ...{ _tag: "Ended", id: "expired", state: "cancelled", finishedAt: now + 1, reason: "expired" },
          error: (yield* queue.read("expired")).failures[0]!.error
        }
      ])
    })
  )

  it.effect("EXPLAIN-2 of a waiting job it is told when it is due, and its last error", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* queue.enqueue(job("failed"), job("later", { visible: { inMillis: 5000 } }))
      yield* queue.settle(retry(yield* queue.claimOne(), 3000, "refused"))
      yield* TestClock.adjust(1000)

      const [later, failed] = [yield* why(queue, "later"), yield* why(queue, "failed")]
      yield* TestClock.adjust(10_000)
      const due = yield* why(queue, "later")

      const scheduled = { _tag: "Scheduled", id: "later", visibleAt: now + 5000, inMillis: 4000, workers: 1 }
      assert.deepStrictEqual(told(later), scheduled)
      assert.deepStrictEqual(told(due), { ...scheduled, inMillis: 0 })
      assert.deepStrictEqual(told(failed), {
        ...{ _tag: "Retrying", id: "failed", visibleAt: now + 3000, inMillis: 2000, workers: 1 },
        lastError: "refused"
      })
    })
  )

  it.effect("EXPLAIN-3 everything that holds up a pending job is named", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      const now = yield* Clock.currentTimeMillis
      const limit = { limit: 1, perMillis: 60_000, burst: 1 }
      yield* queue.enqueue(job("runs"))
      yield* queue.claimOne({ worker: "gone" })
      yield* control.removeWorker(queue.name, "gone")
      yield* queue.enqueue(job("waits", { expires: { inMillis: 1000 } }))
      yield* control.setLimits(queue.name, { maxActive: 1 })
      yield* control.setRateLimit(queue.name, "contract.job", limit)
      yield* queue.pause
      yield* TestClock.adjust(1000)

      const found = yield* obstaclesOf(queue, "waits")

      assert.deepStrictEqual(found, [
        { _tag: "Expired", expiresAt: now + 1000 },
        { _tag: "Paused" },
        { _tag: "NoWorker", silent: 0 },
        { _tag: "AtLimit", active: 1, maxActive: 1 },
        { _tag: "RateLimited", kind: "contract.job", limit }
      ])
    })
  )

  it.effect("EXPLAIN-3 EXPIRE-2 a job that expired while it waited for its next attempt says so", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* queue.enqueue(job("a", { expires: { inMillis: 1000 } }))
      yield* queue.settle(retry(yield* queue.claimOne()))
      yield* queue.promote(1)
      yield* TestClock.adjust(1000)

      const found = yield* obstaclesOf(queue, "a")

      assert.deepInclude(found, { _tag: "Expired", expiresAt: now + 1000 })
    })
  )

  it.effect("EXPLAIN-3 silent, stopping and busy workers are told apart", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      yield* worker(queue, "one")
      yield* TestClock.adjust("5 minutes")
      const silent = yield* obstaclesOf(queue, "a")
      yield* worker(queue, "one", { stopping: true })
      const stopping = yield* obstaclesOf(queue, "a")
      yield* worker(queue, "two", { running: 2 })
      const busy = yield* obstaclesOf(queue, "a")

      assert.deepStrictEqual(silent, [{ _tag: "NoWorker", silent: 1 }])
      assert.deepStrictEqual(stopping, [{ _tag: "WorkersStopping", workers: 1 }])
      assert.deepStrictEqual(busy, [{ _tag: "WorkersBusy", workers: 1, running: 2, concurrency: 2 }])
    })
  )

  it.effect("EXPLAIN-4 a pending job is told how many stand before it", (queue) =>
    Effect.gen(function* () {
      yield* worker(queue, "one")
      yield* queue.enqueue(...jobs(250, { priority: 3 }), ...["x", "y", "z"].map((id) => job(id)))

      assert.deepStrictEqual(yield* obstaclesOf(queue, "z"), [
        { _tag: "Behind", ahead: 252, urgent: 250, atLeast: false }
      ])
      assert.deepStrictEqual(yield* obstaclesOf(queue, "x"), [
        { _tag: "Behind", ahead: 250, urgent: 250, atLeast: false }
      ])
    })
  )

  it.effect("EXPLAIN-4 it is said when more stand before it than are looked at", (queue) =>
    Effect.gen(function* () {
      yield* worker(queue, "one")
      yield* queue.enqueue(...jobs(1300), job("last"))

      const [behind] = yield* obstaclesOf(queue, "last")

      assert.deepStrictEqual(behind, { _tag: "Behind", ahead: 1000, urgent: 0, atLeast: true })
    })
  )

  it.effect("EXPLAIN-5 of an active job its holder, lease and wish to stop are told", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* queue.enqueue(job("a"))
      yield* queue.claimOne({ worker: "holder", leaseMillis: 90_000 })
      const store = yield* JobStore
      yield* TestClock.adjust("10 seconds")

      const running = yield* why(queue, "a")
      yield* store.cancel({ queue: queue.name, jobId: "a", reason: "enough" })
      yield* TestClock.adjust("2 minutes")
      const lost = yield* why(queue, "a")

      const active = { _tag: "Active", id: "a", worker: "holder", leaseExpiresAt: now + 90_000 }
      assert.deepStrictEqual(told(running), { ...active, leaseLeftMillis: 80_000, workerAlive: true })
      assert.deepStrictEqual(told(lost), {
        ...{ ...active, leaseLeftMillis: 0, workerAlive: false },
        cancelRequested: "enough"
      })
    })
  )

  it.effect("EXPLAIN-7 a kind that no worker has a handler for is told of", (queue) =>
    Effect.gen(function* () {
      yield* worker(queue, "one", { handles: ["other", "another"] })
      yield* queue.enqueue(job("a"), job("later", { visible: { inMillis: 60_000 } }))

      const [pending, scheduled] = [yield* obstaclesOf(queue, "a"), yield* why(queue, "later")]
      yield* worker(queue, "two")
      const silent = [yield* obstaclesOf(queue, "a"), told(yield* why(queue, "later"))]
      yield* worker(queue, "two", { handles: ["contract.job"] })
      const handled = yield* obstaclesOf(queue, "a")

      assert.deepStrictEqual(pending, [{ _tag: "NoHandler", kind: "contract.job", workers: 1 }])
      assert.deepInclude(told(scheduled), { _tag: "Scheduled", workers: 1, noHandler: true })
      assert.deepStrictEqual(silent[0], [])
      assert.notProperty(silent[1], "noHandler")
      assert.deepStrictEqual(handled, [])
    })
  )

  it.effect("EXPLAIN-6 a pending job that nothing holds up has no obstacles", (queue) =>
    Effect.gen(function* () {
      yield* worker(queue, "one")
      yield* queue.enqueue(job("a"), job("b", { priority: 9 }))

      assert.deepStrictEqual(yield* obstaclesOf(queue, "a"), [])
    })
  )
})
