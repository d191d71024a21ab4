import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Schedules from "../../features/schedules/Schedules.ts"
import { endingHeldMillis, JobStore, memberKnownMillis, type Settlement } from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { contract } from "./contract.ts"
import { scheduled } from "./schedules-support.ts"
import { bury, cancel, complete, type Held, ids, job, jobs, retry, snooze } from "./support.ts"

/** Ids that do not sort in the order given. */
const six = ["f", "b", "d", "a", "e", "c"]

export const listingContract = contract("listing", (it) => {
  it.effect("LIST-1 pending jobs are listed in the order of claiming", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...six.map((id, i) => job(id, { priority: i % 2 === 0 ? 2 : -2 })))

      const listed = yield* queue.listFrom("pending", 2)

      assert.deepStrictEqual(listed, ["b", "a", "c", "f", "d", "e"])
      assert.deepStrictEqual(listed, ids(yield* queue.claim()))
    })
  )

  it.effect("LIST-1 scheduled and retrying jobs are listed soonest first", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...["r2", "r1", "r3", "s2"].map((id) => job(id)))
      const [r2, r1, r3, s2] = yield* queue.claim()
      yield* queue.settle(retry(r2!, 2000), retry(r1!, 1000), retry(r3!, 3000), snooze(s2!, 2000))
      yield* queue.enqueue(job("s3", { visible: { inMillis: 3000 } }), job("s1", { visible: { inMillis: 1000 } }))

      const scheduled = yield* queue.listFrom("scheduled", 2)
      const retrying = yield* queue.listFrom("retry", 2)

      assert.deepStrictEqual(
        [scheduled, retrying],
        [
          ["s1", "s2", "s3"],
          ["r1", "r2", "r3"]
        ]
      )
    })
  )

  it.effect("LIST-1 active jobs are listed by lease expiry", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("third"), job("first"), job("second"))
      for (const leaseMillis of [300, 100, 200]) yield* queue.claim({ limit: 1, leaseMillis })

      const listed = yield* queue.listFrom("active", 2)

      assert.deepStrictEqual(listed, ["first", "second", "third"])
    })
  )

  it.effect("LIST-1 finished jobs are listed by when they will be pruned", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...[3000, 1000, 2000].map((retainMillis) => job(`done-${retainMillis}`, { retainMillis })))
      yield* queue.settle(...(yield* queue.claim()).map((held) => complete(held)))
      yield* queue.enqueue(
        ...[3000, 1000, 2000].map((retainMillis) => job(`cancelled-${retainMillis}`, { retainMillis }))
      )
      yield* queue.settle(...(yield* queue.claim()).map((held) => cancel(held)))

      const completed = yield* queue.listFrom("completed", 2)
      const cancelled = yield* queue.listFrom("cancelled", 2)

      assert.deepStrictEqual(completed, ["done-1000", "done-2000", "done-3000"])
      assert.deepStrictEqual(cancelled, ["cancelled-1000", "cancelled-2000", "cancelled-3000"])
    })
  )

  it.effect("LIST-1 dead jobs are listed newest first", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("b"), job("c"), job("a"))
      for (const held of yield* queue.claim()) {
        yield* queue.settle(bury(held))
        yield* TestClock.adjust(1)
      }

      const listed = yield* queue.listFrom("dead", 2)

      assert.deepStrictEqual(listed, ["a", "c", "b"])
    })
  )

  it.effect("LIST-1 a list shows whole jobs", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { headers: { trace: "x" }, uniqueKey: "k", retainMillis: 1000 }))
      yield* queue.settle(retry(yield* queue.claimOne(), 0, "a\nb"))
      yield* queue.settle(complete(yield* queue.claimOne(), "1\n2"))

      const { jobs } = yield* queue.list({ state: "completed", limit: 10 })

      assert.deepStrictEqual(jobs, [yield* queue.read("a")])
    })
  )

  it.effect("LIST-1 a state without jobs is an empty page without cursor", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))

      const page = yield* queue.list({ state: "dead", limit: 10 })

      assert.deepStrictEqual(page, { jobs: [] })
    })
  )

  it.effect("LIST-1 a page holds up to a thousand jobs", (queue) =>
    Effect.gen(function* () {
      const batch = jobs(1001)
      yield* queue.enqueue(...batch)

      const first = yield* queue.list({ state: "pending", limit: 1000 })
      const rest = yield* queue.listFrom("pending", 1000, first.cursor)

      assert.lengthOf(first.jobs, 1000)
      assert.deepStrictEqual([...ids(first.jobs), ...rest], ids(batch))
    })
  )

  it.effect("LIST-2 pending jobs that stay are listed once while others come and go", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...six.map((id) => job(id)))
      const first = yield* queue.list({ state: "pending", limit: 2 })

      yield* queue.claim({ limit: 3 })
      yield* queue.enqueue(job("urgent", { priority: -1 }), job("last"))
      const rest = yield* queue.listFrom("pending", 2, first.cursor)

      assert.deepStrictEqual(
        [ids(first.jobs), rest],
        [
          ["f", "b"],
          ["a", "e", "c", "last"]
        ]
      )
    })
  )

  it.effect("LIST-2 jobs due at one instant are each listed once", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...six.map((id) => job(id, { visible: { inMillis: 1000 } })))
      const whole = yield* queue.listFrom("scheduled", 1)
      const first = yield* queue.list({ state: "scheduled", limit: 3 })
      yield* TestClock.adjust(1000)

      yield* queue.promote(4)
      yield* queue.enqueue(job("0", { visible: { inMillis: 1 } }))
      const rest = yield* queue.listFrom("scheduled", 1, first.cursor)

      assert.sameMembers(whole, six)
      assert.deepStrictEqual([...ids(first.jobs), ...rest], [...whole.slice(0, 3), ...whole.slice(4), "0"])
    })
  )

  it.effect("LIST-2 jobs that died at one instant are each listed once", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...six.map((id) => job(id)), job("newest"))
      const [newest, ...others] = (yield* queue.claim()).toReversed()
      yield* queue.settle(...others.map((held) => bury(held)))
      const whole = yield* queue.listFrom("dead", 1)
      const first = yield* queue.list({ state: "dead", limit: 3 })

      yield* TestClock.adjust(1)
      yield* queue.settle(bury(newest!))
      yield* queue.redrive({ jobIds: [whole[0]!, whole[2]!] })
      yield* queue.purge({ jobIds: [whole[3]!] })
      const rest = yield* queue.listFrom("dead", 1, first.cursor)

      assert.sameMembers(whole, six)
      assert.deepStrictEqual([...ids(first.jobs), ...rest], [...whole.slice(0, 3), ...whole.slice(4)])
    })
  )

  it.effect("LIST-2 leases that end at one instant are each listed once", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...six.map((id) => job(id)))
      const claimed = yield* queue.claim({ leaseMillis: 1000 })
      const whole = yield* queue.listFrom("active", 1)
      const first = yield* queue.list({ state: "active", limit: 2 })

      yield* queue.settle(
        ...claimed.filter(({ id }) => first.jobs.some((job) => job.id === id)).map((held) => complete(held))
      )
      const rest = yield* queue.listFrom("active", 3, first.cursor)

      assert.sameMembers(whole, six)
      assert.deepStrictEqual(rest, whole.slice(2))
    })
  )

  it.effect("LIST-3 every queue that took a job or a pause is named", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      yield* queue.enqueue(job("a"))
      yield* queue.sibling.pause

      const names = yield* control.queues

      assert.includeMembers(names.slice(), [queue.name, queue.sibling.name])
      assert.deepStrictEqual(names, names.toSorted())
    })
  )

  it.effect("LIST-3 a queue is named after its last job is gone", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      yield* queue.enqueue(job("a"))
      yield* queue.settle(complete(yield* queue.claimOne()))

      const names = yield* control.queues

      assert.include(names, queue.name)
    })
  )

  it.effect("LIST-3 a queue that was only looked at is not named", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      yield* queue.claim()
      yield* queue.get("a")
      yield* queue.prune()

      const names = yield* control.queues

      assert.notInclude(names, queue.name)
    })
  )

  it.effect("LIST-3 a queue with nothing but a worker is named", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      yield* queue.extend(1000)

      assert.include(yield* control.queues, queue.name)
    })
  )

  it.effect("LIST-4 removing a queue that holds nothing removes all that is stored of it", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      yield* queue.enqueue(job("a", { uniqueKey: "k", uniqueWindowMillis: 3_600_000 }))
      yield* queue.extend(1000)
      yield* queue.settle(complete(yield* queue.claimOne()))
      yield* queue.pause
      yield* control.setLimits(queue.name, { maxActive: 1 })
      yield* control.setRateLimit(queue.name, "kind", { limit: 1, perMillis: 1000, burst: 1 })

      const atOnce = yield* queue.removeQueue
      yield* TestClock.adjust(1)
      const removed = [yield* queue.removeQueue, yield* queue.removeQueue]

      assert.isFalse(atOnce)
      assert.deepStrictEqual(removed, [true, true])
      assert.notInclude(yield* control.queues, queue.name)
      assert.isFalse(yield* queue.isPaused)
      assert.deepStrictEqual(yield* control.limits(queue.name), {})
      assert.deepStrictEqual(yield* control.rateLimits(queue.name), {})
      assert.deepStrictEqual(yield* control.workers(queue.name), [])
      assert.deepInclude(yield* queue.counters, { enqueued: 0, claimed: 0, completed: 0, removed: 0 })
    })
  )

  it.effect("LIST-4 a queue that was removed is as new, and named, when it takes a job again", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      yield* queue.enqueue(job("a"), job("b", { uniqueKey: "k", uniqueWindowMillis: 3_600_000 }))
      const [before] = yield* queue.claim()
      yield* queue.settle(complete(before!), complete({ ...before!, id: "b", token: before!.token + 1 }))
      yield* TestClock.adjust(1)
      yield* queue.removeQueue

      const outcomes = yield* queue.enqueue(job("a"), job("c", { uniqueKey: "k" }))
      const [after] = yield* queue.claim()

      assert.deepStrictEqual(outcomes, [{ _tag: "Enqueued" }, { _tag: "Enqueued" }])
      assert.include(yield* control.queues, queue.name)
      assert.deepInclude(yield* queue.counters, { enqueued: 2, claimed: 2 })
      // whoever still holds the token of an earlier job with this id holds nothing
      assert.isAbove(after!.token, before!.token)
      assert.deepStrictEqual(yield* queue.settle(complete(before!)), ["stale"])
    })
  )

  it.effect("LIST-4 a queue that holds a job in any state is left as it is", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      const retainMillis = 600_000
      const settling = (how: (held: Held) => Settlement) =>
        Effect.flatMap(queue.claimOne(), (held) => queue.settle(how(held)))
      const steps: Readonly<Record<string, Effect.Effect<unknown, StoreError>>> = {
        scheduled: queue.enqueue(job("a", { retainMillis, visible: { inMillis: 1000 } })),
        pending: queue.runNow("a"),
        active: queue.claimOne({ leaseMillis: 1000 }),
        retry: Effect.andThen(
          TestClock.adjust(1000),
          settling((held) => retry(held, 1000))
        ),
        dead: Effect.andThen(queue.runNow("a"), settling(bury)),
        completed: Effect.andThen(queue.redrive({ oldest: 1 }), settling(complete)),
        cancelled: Effect.andThen(
          Effect.andThen(control.remove(queue.name, ["a"]), queue.enqueue(job("a", { retainMillis }))),
          settling(cancel)
        )
      }

      const found = yield* Effect.forEach(Object.values(steps), (step) =>
        Effect.andThen(step, Effect.all([queue.removeQueue, queue.state("a")]))
      )

      assert.deepStrictEqual(
        found,
        Object.keys(steps).map((state) => [false, state])
      )
      yield* control.remove(queue.name, ["a"])
      yield* TestClock.adjust(1)
      assert.isTrue(yield* queue.removeQueue)
    })
  )

  it.effect("LIST-4 a queue with a schedule is left as it is", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      const name = yield* scheduled(queue, { every: "1 hour" })

      const removed = yield* queue.removeQueue
      yield* Schedules.remove(name)

      assert.isFalse(removed)
      assert.include(yield* control.queues, queue.name)
      assert.isTrue(yield* queue.removeQueue)
    })
  )

  it.effect("LIST-4 a queue remembers members of workflows that have ended for as long as it has to", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* queue.enqueue(job("a", { member: { workflow: "w", node: 0, generation: 0 } }))
      yield* queue.settle(complete(yield* queue.claimOne()))
      yield* TestClock.adjust(endingHeldMillis)

      const untold = yield* queue.removeQueue
      yield* store.forgetEndings(queue.name, yield* store.endings(queue.name, 10))
      const remembered = yield* queue.removeQueue
      yield* TestClock.adjust(memberKnownMillis)

      assert.deepStrictEqual([untold, remembered, yield* queue.removeQueue], [false, false, true])
    })
  )
})
