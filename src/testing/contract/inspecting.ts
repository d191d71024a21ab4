import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { JobId } from "../../domain/Job.ts"
import { Cancel, SkipRetry, Snooze } from "../../domain/Steering.ts"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { contract } from "./contract.ts"
import { complete, counters, depths, ids, job, jobs, retry } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"
import { advanceUntil, Echo, enqueue, eventually, work } from "./worker-support.ts"

const beat = (queue: TestQueue, worker: string, about?: string) =>
  JobStore.use((store) =>
    store.extendLeases({
      queue: queue.name,
      worker,
      leases: [],
      leaseMillis: 30_000,
      ...(about === undefined ? {} : { about })
    })
  )

/** Ids of all pages from the first on, and how much was looked at. */
const everyPage = Effect.fnUntraced(function* (request: Inspector.JobsPageRequest, limit: number, scan: number) {
  const found: Array<JobId> = []
  let looked = 0
  let cursor: string | undefined
  do {
    const page = yield* Inspector.jobs({ ...request, cursor, limit, scan })
    assert.isAtMost(page.jobs.length, limit)
    assert.isAtMost(page.looked, scan)
    found.push(...ids(page.jobs))
    looked += page.looked
    cursor = page.cursor
  } while (cursor !== undefined)
  return { found, looked }
})

/** Whether a queue's only worker has told it that it runs so many jobs. A claim alone lists it without a word. */
const hasSpoken = (queue: TestQueue, running = 0) =>
  Effect.map(Inspector.workers(queue.name), ([worker]) => worker?.details?.running === running)

export const inspectingContract = contract("inspecting", (it) => {
  it.effect("INSPECT-1 a queue is shown with depths, counters, pause, limits and live workers", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* queue.enqueue(job("one"), job("two"), job("later", { visible: { inMillis: 1000 } }))
      yield* queue.claimOne()
      yield* Inspector.setLimits(queue.name, { maxActive: 7 })
      const paused = yield* Inspector.pause(queue.name)
      yield* beat(queue, "alive")
      // whoever claims is heard of as well

      const view = yield* Inspector.queue(queue.name)
      const resumed = yield* Inspector.resume(queue.name)

      assert.deepStrictEqual([paused, resumed, yield* queue.isPaused], [true, true, false])
      assert.deepStrictEqual(view, {
        name: queue.name,
        paused: true,
        depths: depths({ active: 1, pending: 1, scheduled: 1 }),
        counters: counters({ enqueued: 3, claimed: 1 }),
        limits: { maxActive: 7 },
        rateLimits: {},
        next: { id: "two", kind: "contract.job", enqueuedAt: now, ageMillis: 0 },
        workers: 2
      })
    })
  )

  it.effect("INSPECT-1 all queues are shown, by name", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("one"))
      yield* queue.sibling.pause

      const views = yield* Inspector.queues

      assert.deepStrictEqual(
        views.map(({ name }) => name),
        yield* QueueControl.use((control) => control.queues)
      )
      assert.deepInclude(
        views.find(({ name }) => name === queue.name),
        { paused: false, depths: depths({ pending: 1 }) }
      )
      assert.deepInclude(
        views.find(({ name }) => name === queue.sibling.name),
        { paused: true, depths: depths({}) }
      )
    })
  )

  it.effect("INSPECT-2 the next job is the one that a claim hands out, with its age", (queue) =>
    Effect.gen(function* () {
      const none = yield* Inspector.queue(queue.name)
      yield* queue.enqueue(job("older", { visible: { inMillis: 300 } }))
      yield* TestClock.adjust(500)
      yield* queue.enqueue(job("urgent", { priority: 1 }))
      yield* TestClock.adjust(2000)

      const first = yield* Inspector.queue(queue.name)
      const claimed = yield* queue.claimOne()
      const second = yield* Inspector.queue(queue.name)

      assert.isUndefined(none.next)
      assert.strictEqual(claimed.id, "urgent")
      assert.deepInclude(first.next, { id: "urgent", ageMillis: 2000 })
      assert.deepInclude(second.next, { id: "older", ageMillis: 2200 })
    })
  )

  it.effect("INSPECT-2 an age is not negative when the clocks differ", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("one"))
      const now = yield* Clock.currentTimeMillis
      const clock = yield* Clock.Clock
      const behind: Clock.Clock = {
        ...clock,
        sleep: (duration) => clock.sleep(duration),
        currentTimeMillis: Effect.succeed(now - 5000)
      }

      // only what is made of the answers sees the other clock
      const { next } = yield* Effect.provideService(Inspector.queue(queue.name), Clock.Clock, behind)

      assert.strictEqual(next?.ageMillis, 0)
    })
  )

  it.effect("INSPECT-11 an active job, and no other, is shown with holder, lease and token", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("one", { retainMillis: 1000 }))
      const waiting = yield* queue.read("one")
      const first = yield* queue.claimOne({ worker: "somebody", leaseMillis: 1000 })
      const active = yield* queue.read("one")
      const listed = yield* queue.list({ state: "active", limit: 1 })
      yield* queue.settle(retry(first, 0))
      const failed = yield* queue.read("one")
      const second = yield* queue.claimOne()
      const again = yield* queue.read("one")
      yield* queue.settle(complete(second))
      const ended = yield* queue.read("one")

      const now = yield* Clock.currentTimeMillis
      assert.deepInclude(active, { token: first.token, worker: "somebody", leaseExpiresAt: now + 1000 })
      assert.deepStrictEqual(listed.jobs, [active])
      assert.strictEqual(again.token, second.token)
      for (const other of [waiting, failed, ended]) {
        assert.doesNotHaveAnyKeys(other, ["token", "worker", "leaseExpiresAt"])
      }
    })
  )

  it.effect("INSPECT-3 a job is shown with its ledger and its log", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* queue.enqueue(job("one"))
      const held = yield* queue.claimOne()
      const { token } = held
      const logs = { from: 0, lines: ["first", "second"] }
      yield* store.annotate({ queue: queue.name, jobId: "one", token, logs })
      yield* queue.settle(retry(held, 1000, "it broke"))

      const view = Option.getOrThrow(yield* Inspector.job(queue.name, "one"))
      const missing = yield* Inspector.job(queue.name, "another")

      assert.deepStrictEqual(view.job, yield* queue.read("one"))
      assert.deepStrictEqual(
        view.job.failures.map(({ error }) => error),
        ["it broke"]
      )
      assert.deepStrictEqual([view.logs, missing], [["first", "second"], Option.none()])
    })
  )

  it.effect("INSPECT-3 a job is found by its id in whichever queue has it", (queue) =>
    Effect.gen(function* () {
      const both = `both-${queue.name}`
      const other = `other-${queue.name}`
      yield* queue.enqueue(job(both))
      yield* queue.sibling.enqueue(job(both), job(other))

      const found = yield* Effect.forEach([both, other, `none-${queue.name}`], Inspector.find)

      assert.deepStrictEqual(found.map(Option.map((view) => view.job.queue)), [
        Option.some(queue.name),
        Option.some(queue.sibling.name),
        Option.none()
      ])
    })
  )

  it.effect("INSPECT-3 a job is found in the last of many queues", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const id = `last-${queue.name}`
      const names = Array.from({ length: 20 }, (_, i) => `zz-${queue.name}.${String(i).padStart(2, "0")}`)
      yield* Effect.forEach(names, (name, i) => store.enqueue(name, [job(i === 19 ? id : "other")]))

      const found = yield* Inspector.find(id)

      assert.deepStrictEqual(
        Option.map(found, (view) => view.job.queue),
        Option.some(names[19])
      )
    })
  )

  it.effect("INSPECT-4 pages by tag and kind hold every matching job once, in order", (queue) =>
    Effect.gen(function* () {
      const kinds = ["a", "b", "a", "a", "b", "b", "b", "a", "a", "b", "a"]
      const all = kinds.map((kind, i) => job(`job-${30 - i}`, { kind, tags: i % 3 === 0 ? ["third"] : [] }))
      yield* queue.enqueue(...all)
      const request = { queue: queue.name, state: "pending" } as const
      const wanted = {
        kind: ids(all.filter(({ kind }) => kind === "a")),
        tag: ids(all.filter(({ tags }) => tags?.includes("third"))),
        both: ids(all.filter(({ kind, tags }) => kind === "a" && tags?.includes("third")))
      }

      for (const limit of [1, 2, 3, 100]) {
        for (const scan of [1, 2, 5, 100]) {
          const kind = yield* everyPage({ ...request, kind: "a" }, limit, scan)
          const tag = yield* everyPage({ ...request, tag: "third" }, limit, scan)
          const both = yield* everyPage({ ...request, kind: "a", tag: "third" }, limit, scan)
          const any = yield* everyPage(request, limit, scan)

          assert.deepStrictEqual({ kind: kind.found, tag: tag.found, both: both.found }, wanted)
          assert.deepStrictEqual([any.found, any.looked, tag.looked], [ids(all), all.length, all.length])
        }
      }
    })
  )

  it.effect("INSPECT-4 a page misses no job when others leave while it is read", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...Array.from({ length: 9 }, (_, i) => job(`job-${i}`)))
      const control = yield* QueueControl
      let calls = 0
      // two jobs are claimed between any two reads
      const restless = QueueControl.of({
        ...control,
        list: (request) =>
          Effect.tap(control.list(request), () => (++calls > 2 ? Effect.void : queue.claim({ limit: 2 })))
      })

      const { found } = yield* Effect.provideService(
        everyPage({ queue: queue.name, state: "pending", kind: "contract.job" }, 4, 100),
        QueueControl,
        restless
      )

      assert.deepStrictEqual(found, [...new Set(found)])
      assert.includeMembers(found, ["job-4", "job-5", "job-6", "job-7", "job-8"])
    })
  )

  it.effect("INSPECT-4 a stream shows all matching jobs over many pages", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(130), job("other", { kind: "contract.other" }))

      const all = yield* Stream.runCollect(Inspector.jobsStream({ queue: queue.name, state: "pending" }))
      const other = yield* Stream.runCollect(
        Inspector.jobsStream({ queue: queue.name, state: "pending", kind: "contract.other" })
      )

      assert.deepStrictEqual(ids(all), [...ids(jobs(130)), "other"])
      assert.deepStrictEqual(ids(other), ["other"])
    })
  )

  it.effect("INSPECT-5 an idle worker tells what it is from its start to its end", (queue) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const started = yield* Clock.currentTimeMillis
      const both = [queue.name, queue.sibling.name]
      yield* Effect.provideService(
        work(queue, Echo, () => Effect.succeed(""), { queues: both, lease: "6 seconds", concurrency: 3 }),
        Scope.Scope,
        scope
      )
      yield* eventually(hasSpoken(queue))
      const first = yield* Inspector.workers(queue.name)
      yield* advanceUntil(
        Effect.map(Inspector.workers(queue.sibling.name), ([worker]) => (worker?.seenAt ?? 0) >= started + 6000)
      )
      const later = yield* Inspector.workers(queue.sibling.name)

      yield* Scope.close(scope, Exit.void)

      assert.deepInclude(first[0], { seenAt: started, alive: true })
      assert.deepInclude(first[0]?.details, {
        ...{ pid: process.pid, startedAt: started, queues: both, concurrency: 3, leaseMillis: 6000 },
        ...{ stopping: false, handles: [Echo.kind], running: 0, jobs: [], completed: 0, failed: 0, kinds: [] }
      })
      assert.isNotEmpty(first[0]?.details?.host)
      assert.deepStrictEqual(ids(later), ids(first))
      assert.deepStrictEqual(yield* Inspector.workers(queue.name), [])
      assert.deepStrictEqual(yield* Inspector.workers(queue.sibling.name), [])
    })
  )

  it.effect("INSPECT-5 a busy worker names what it runs, per queue and over all", (queue) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<string>()
      const both = [queue.name, queue.sibling.name]
      const since: Array<number> = []
      yield* work(
        queue,
        Echo,
        () =>
          Effect.andThen(
            Effect.map(Clock.currentTimeMillis, (now) => since.push(now)),
            Deferred.await(gate)
          ),
        { queues: both, lease: "3 seconds" }
      )
      const here = yield* enqueue(queue, Echo, { text: "" })
      yield* eventually(Effect.map(queue.depths, () => since.length === 1))
      yield* TestClock.adjust(10)
      const there = yield* enqueue(queue.sibling, Echo, { text: "" })
      yield* advanceUntil(hasSpoken(queue.sibling, 1))
      yield* advanceUntil(hasSpoken(queue, 1))

      const ofOne = yield* Inspector.workers(queue.name)
      const ofAll = yield* Inspector.workers()

      const first = { queue: queue.name, id: here.id, kind: Echo.kind, since: since[0]! }
      const second = { queue: queue.sibling.name, id: there.id, kind: Echo.kind, since: since[1]! }
      assert.deepStrictEqual(ofOne[0]?.details?.jobs, [first])
      const worker = ofAll.find((view) => view.details?.queues.includes(queue.name))
      assert.deepInclude(worker?.details, { running: 2, jobs: [first, second] })
      yield* Deferred.succeed(gate, "done")
    })
  )

  it.effect("INSPECT-6 a worker is alive for two of its leases, and unreadable words do not hide it", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      const lease = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* work(queue, Echo, () => Effect.succeed(""), { lease: "60 seconds" })
          yield* eventually(hasSpoken(queue))
          return (yield* control.workers(queue.name))[0]!.about
        })
      )
      // a killed worker, one of another make, and one of a version to come
      yield* beat(queue, "long", lease)
      yield* beat(queue, "other", "I am here")
      yield* beat(queue, "newer", JSON.stringify({ ...(JSON.parse(lease) as object), version: 2 }))
      const alive = Effect.map(Inspector.workers(queue.name), (workers) =>
        workers.map((worker) => [worker.id, worker.alive, worker.details?.leaseMillis])
      )

      const now = yield* alive
      yield* TestClock.adjust(60_000)
      const soon = yield* alive
      yield* TestClock.adjust(60_000)
      const later = yield* alive
      yield* TestClock.adjust(1)
      const none = yield* alive

      const so = (long: boolean, others: boolean) => [
        ["long", long, 60_000],
        ["newer", others, undefined],
        ["other", others, undefined]
      ]
      assert.deepStrictEqual(
        [now, soon, later, none],
        [so(true, true), so(true, true), so(true, false), so(false, false)]
      )
      assert.strictEqual((yield* Inspector.queue(queue.name)).workers, 0)
    })
  )

  it.effect("INSPECT-7 rates and latency are those of the last minute, over live workers", (queue) =>
    Effect.gen(function* () {
      const waiting = ["ok", "ok", "fail", "skip", "snooze", "cancel"]
      yield* Effect.forEach(waiting, (text) => enqueue(queue, Echo, { text }, { delay: "1 minute" }))
      yield* TestClock.adjust("65 seconds")
      const run = ({ text }: { readonly text: string }) =>
        Effect.gen(function* () {
          yield* Effect.sleep(400)
          if (text === "fail") return yield* Effect.fail(new Error("no"))
          if (text === "skip") return yield* Effect.fail(new SkipRetry({ error: "no" }))
          if (text === "snooze") return yield* Effect.fail(Snooze.for("1 hour"))
          if (text === "cancel") return yield* Effect.fail(new Cancel({ reason: "no" }))
          return text
        })
      yield* work(queue, Echo, run, { lease: "3 seconds", concurrency: 3 })
      yield* work(queue, Echo, run, { lease: "3 seconds", concurrency: 3 })
      yield* advanceUntil(
        // all but the one that is snoozed
        Effect.map(queue.depths, ({ active, pending, scheduled }) => active + pending + scheduled === 1),
        100
      )
      // before the second attempt of the one that failed
      yield* queue.pause
      yield* advanceUntil(
        Effect.map(
          Inspector.rates(queue.name),
          ({ run, wait, workers }) => workers === 2 && run?.count === 4 && wait?.count === 6
        ),
        100
      )

      const rates = yield* Inspector.rates(queue.name)
      const perWorker = yield* Inspector.workers(queue.name)
      yield* TestClock.adjust("65 seconds")
      // after such a leap the store has to hear of the workers again
      yield* advanceUntil(
        Effect.map(Inspector.rates(queue.name), ({ run, workers }) => workers === 2 && run === undefined)
      )
      const over = yield* Inspector.rates(queue.name)

      assert.deepInclude(rates, { queue: queue.name, workers: 2, completed: 2, failed: 2 })
      assert.deepStrictEqual(rates.kinds, [{ kind: Echo.kind, completed: 2, failed: 2 }])
      assert.isAbove(rates.completedPerSecond, 0)
      assert.isAtMost(rates.completedPerSecond, 2)
      assert.strictEqual(rates.failedPerSecond, rates.completedPerSecond)
      assert.strictEqual(rates.run?.count, 4)
      assert.isAtLeast(rates.run!.meanMillis, 400)
      assert.isAtLeast(rates.run!.p95Millis, 400)
      assert.strictEqual(rates.wait?.count, 6)
      assert.isAtLeast(rates.wait!.meanMillis, 5000)
      // their delay is no part of it
      assert.isBelow(rates.wait!.meanMillis, 10_000)
      assert.strictEqual(
        perWorker.reduce((sum, { details }) => sum + (details?.completed ?? 0), 0),
        2
      )
      assert.deepInclude(over, { workers: 2, completed: 0, failed: 0, completedPerSecond: 0, kinds: [] })
    })
  )
})
