import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import type { Ended } from "../../domain/Job.ts"
import { JobStore, type Settlement } from "../../ports/JobStore.ts"
import { type Notice, Notices } from "../../ports/Notices.ts"
import { contract } from "./contract.ts"
import { bury, cancel, complete, type Held, job, retry } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

const watch = (queue: TestQueue, jobId: string, ref = 1) =>
  JobStore.use((store) => store.watch({ queue: queue.name, jobId, watcher: queue.name, ref }))

const unwatch = (queue: TestQueue, jobId: string, ref = 1) =>
  JobStore.use((store) => store.unwatch({ queue: queue.name, jobId, watcher: queue.name, ref }))

const open = (queue: TestQueue) => Notices.use((notices) => notices.open(queue.name))

/** Every way to end, and what is to be told of it. */
const endings: ReadonlyArray<readonly [name: string, settle: (held: Held) => Settlement, ended: Ended]> = [
  ["completes", (held) => complete(held), { _tag: "Completed" }],
  ["answers", (held) => complete(held, `{"a":"x\\ny"}`), { _tag: "Completed", result: `{"a":"x\\ny"}` }],
  ["is-cancelled", (held) => cancel(held, "why\nnot"), { _tag: "Cancelled", reason: "why\nnot", expired: false }],
  [
    "is-buried",
    (held) => ({ ...bury(held, "skipped", "two\nlines"), failure: `{"code":1}` }),
    { _tag: "Dead", reason: "skipped", error: "two\nlines", failure: `{"code":1}` }
  ],
  ["is-exhausted", (held) => retry(held, 0, "no"), { _tag: "Dead", reason: "exhausted", error: "no" }]
]

export const watchingContract = contract("watching", (it) => {
  it.effect("WATCH-1 watching a job that has ended answers how", (queue) =>
    Effect.gen(function* () {
      for (const [name, settle, ended] of endings) {
        yield* queue.enqueue(job(name, { maxAttempts: 1, retainMillis: 60_000 }))
        yield* queue.settle(settle(yield* queue.claimOne()))

        const reply = yield* watch(queue, name)

        assert.deepStrictEqual(reply, { _tag: "Ended", ended })
      }
    })
  )

  it.effect("WATCH-1 watching an expired or crashed job tells so", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(
        job("crashed", { maxAttempts: 1 }),
        job("expired", { expires: { inMillis: 500 }, retainMillis: 60_000 })
      )
      yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust("1 second")
      yield* queue.claim()

      const replies = [yield* watch(queue, "crashed"), yield* watch(queue, "expired")]

      assert.deepInclude(replies[0], { _tag: "Ended" })
      assert.deepNestedInclude(replies[0], { "ended.reason": "crashed" })
      assert.deepNestedInclude(replies[1], { "ended._tag": "Cancelled", "ended.expired": true })
    })
  )

  it.effect("WATCH-2 watching a job that is not stored answers missing", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("fleeting"))
      yield* queue.settle(complete(yield* queue.claimOne()))

      const replies = [yield* watch(queue, "fleeting"), yield* watch(queue, "unknown")]

      assert.deepStrictEqual(replies, [{ _tag: "Missing" }, { _tag: "Missing" }])
    })
  )

  it.effect("WATCH-3 a watcher is told how a job ends, even when nothing of it is kept", (queue) =>
    Effect.gen(function* () {
      const inbox = yield* open(queue)
      const expected: Array<Notice> = []
      for (const [ref, [name, settle, ended]] of endings.entries()) {
        yield* queue.enqueue(job(name, { maxAttempts: 1 }))
        const held = yield* queue.claimOne()
        assert.deepStrictEqual(yield* watch(queue, name, ref), { _tag: "Watching" })
        yield* queue.settle(settle(held))
        expected.push({ _tag: "Ended", ref, ended })
      }

      const told = yield* Effect.forEach(endings, () => Queue.take(inbox))

      assert.deepStrictEqual(told, expected)
    })
  )

  it.effect("WATCH-3 every watch of a job gets one notice, a repeated watch no second", (queue) =>
    Effect.gen(function* () {
      const inbox = yield* open(queue)
      yield* queue.enqueue(job("a"), job("end"))
      yield* watch(queue, "a", 1)
      yield* watch(queue, "a", 1)
      yield* watch(queue, "a", 2)
      yield* watch(queue, "end", 3)
      const [a, end] = yield* queue.claim()
      yield* queue.settle(complete(a!))
      yield* queue.enqueue(job("a"))
      yield* queue.settle(complete(yield* queue.claimOne()), complete(end!))

      const told = yield* Effect.forEach([1, 2, 3], () => Queue.take(inbox))

      assert.deepStrictEqual(
        told.map((notice) => notice._tag === "Ended" && notice.ref),
        [1, 2, 3]
      )
    })
  )

  it.effect("WATCH-3 WATCH-4 two watchers with one ref are told each, and leave each for itself", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const [own, others] = [yield* open(queue), yield* open(queue.sibling)]
      const watchAs = (watcher: string, jobId: string, ref: number) => ({ queue: queue.name, jobId, watcher, ref })
      yield* queue.enqueue(job("both"), job("one"), job("end"))
      for (const { name } of [queue, queue.sibling]) {
        yield* store.watch(watchAs(name, "both", 1))
        yield* store.watch(watchAs(name, "one", 2))
        yield* store.watch(watchAs(name, "end", 3))
      }
      yield* store.unwatch(watchAs(queue.name, "one", 2))

      for (const held of yield* queue.claim()) yield* queue.settle(complete(held))

      const ownTold = yield* Effect.forEach([1, 3], () => Queue.take(own))
      const othersTold = yield* Effect.forEach([1, 2, 3], () => Queue.take(others))
      const refs = (told: ReadonlyArray<Notice>) => told.map((notice) => notice._tag === "Ended" && notice.ref)
      assert.deepStrictEqual(
        [refs(ownTold), refs(othersTold)],
        [
          [1, 3],
          [1, 2, 3]
        ]
      )
    })
  )

  it.effect("WATCH-3 a job cancelled, expired or crashed by others is told of as well", (queue) =>
    Effect.gen(function* () {
      const inbox = yield* open(queue)
      yield* queue.enqueue(job("crashed", { maxAttempts: 1 }))
      yield* queue.claimOne({ leaseMillis: 1000 })
      yield* queue.enqueue(job("cancelled"), job("expired", { expires: { inMillis: 1000 } }))
      yield* Effect.forEach(["cancelled", "expired", "crashed"], (id, ref) => watch(queue, id, ref))

      yield* JobStore.use((store) => store.cancel({ queue: queue.name, jobId: "cancelled", reason: "no" }))
      yield* TestClock.adjust("1 second")
      yield* queue.rescue(1)
      yield* queue.claim()
      const told = yield* Effect.forEach([1, 2, 3], () => Queue.take(inbox))

      assert.deepStrictEqual(told.map((notice) => notice._tag === "Ended" && notice.ref).toSorted(), [0, 1, 2])
    })
  )

  it.effect("WATCH-4 a watcher that has left gets no notice", (queue) =>
    Effect.gen(function* () {
      const inbox = yield* open(queue)
      yield* queue.enqueue(job("a"))
      yield* watch(queue, "a", 1)
      yield* watch(queue, "a", 2)
      yield* unwatch(queue, "a", 1)
      yield* queue.settle(complete(yield* queue.claimOne()))

      const told = yield* Queue.take(inbox)

      assert.deepInclude(told, { _tag: "Ended", ref: 2 })
    })
  )
})
