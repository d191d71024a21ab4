import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { JobStore } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { contract } from "./contract.ts"
import { complete, ids, job, jobs, release } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

const setLimits = (queue: TestQueue, limits: { readonly maxActive?: number }) =>
  QueueControl.use((control) => control.setLimits(queue.name, limits))

const workers = (queue: TestQueue) => QueueControl.use((control) => control.workers(queue.name))

const beat = (queue: TestQueue, worker: string, about?: string) =>
  JobStore.use((store) =>
    store.extendLeases({
      queue: queue.name,
      worker,
      leases: [],
      leaseMillis: 1000,
      ...(about === undefined ? {} : { about })
    })
  )

export const limitsContract = contract("queue limits and workers", (it) => {
  it.effect("LIMIT-1 no more jobs are active at once than the limit, over all workers", (queue) =>
    Effect.gen(function* () {
      yield* setLimits(queue, { maxActive: 3 })
      yield* queue.enqueue(...jobs(6))

      const first = yield* queue.exchange({ worker: "one", claim: { number: 1, limit: 2 } })
      const second = yield* queue.exchange({ worker: "two", claim: { number: 1, limit: 2 } })
      const third = yield* queue.exchange({ worker: "three", claim: { number: 1, limit: 2 } })
      const freed = yield* queue.exchange({
        worker: "one",
        settlements: first.claimed.map((held) => complete(held)),
        claim: { number: 2, limit: 5 }
      })

      assert.deepStrictEqual(
        [first, second, third, freed].map(({ claimed }) => claimed.length),
        [2, 1, 0, 2]
      )
      assert.deepStrictEqual([first.more, third.more], [true, false])
    })
  )

  it.effect("LIMIT-1 WAKE-1 a job that ends wakes a worker that waits for room", (queue) =>
    Effect.gen(function* () {
      yield* setLimits(queue, { maxActive: 1 })
      yield* queue.enqueue(job("a"), job("b"))
      const held = yield* queue.claimOne()
      const ear = yield* queue.listen()
      // what the enqueue left raised
      yield* Effect.forkChild(TestClock.adjust("1 second"))
      yield* ear.wait(1000)
      const waiting = yield* Effect.forkChild(ear.wait(60_000), { startImmediately: true })

      yield* queue.settle(complete(held))

      yield* Fiber.join(waiting)
      assert.deepStrictEqual(ids(yield* queue.claim()), ["b"])
    })
  )

  it.effect("LIMIT-2 a limit can be read, lowered and lifted while jobs run", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(5))
      const limits = QueueControl.use((control) => control.limits(queue.name))
      const before = yield* limits
      const running = yield* queue.claim({ limit: 3 })
      yield* setLimits(queue, { maxActive: 1 })
      const during = yield* limits
      yield* queue.settle(complete(running[0]!))

      const none = yield* queue.claim()
      const settled = yield* queue.settle(complete(running[1]!), release(running[2]!))
      yield* setLimits(queue, {})
      const all = yield* queue.claim()

      assert.deepStrictEqual([before, during, yield* limits], [{}, { maxActive: 1 }, {}])
      assert.deepStrictEqual([none.length, settled, all.length], [0, ["settled", "settled"], 3])
    })
  )

  it.effect("WORKERS-1 a worker that extends its leases is listed until it leaves", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* beat(queue, "one", `{"host":"a"}`)
      yield* beat(queue, "two")
      yield* TestClock.adjust("1 second")
      yield* beat(queue, "one")

      const both = yield* workers(queue)
      yield* QueueControl.use((control) => control.removeWorker(queue.name, "one"))

      assert.deepStrictEqual(both, [
        { id: "one", seenAt: now + 1000, about: `{"host":"a"}` },
        { id: "two", seenAt: now, about: "" }
      ])
      assert.deepStrictEqual(
        (yield* workers(queue)).map(({ id }) => id),
        ["two"]
      )
    })
  )

  it.effect("WORKERS-1 of more than 1000 workers those seen last are listed, by id", (queue) =>
    Effect.gen(function* () {
      const seen = (worker: string) => beat(queue, worker)
      const names = Array.from({ length: 1000 }, (_, i) => `worker-${i}`)
      yield* Effect.forEach(["a", "worker-5", "z"], seen)
      yield* TestClock.adjust(1)
      yield* Effect.forEach(names, seen, { concurrency: "unbounded" })
      yield* TestClock.adjust(1)
      yield* seen("b")

      const listed = ids(yield* workers(queue))

      assert.lengthOf(listed, 1000)
      assert.deepStrictEqual(listed, listed.toSorted())
      assert.deepStrictEqual(
        ["a", "b", "z"].filter((id) => listed.includes(id)),
        ["b"]
      )
    })
  )

  it.effect("WORKERS-1 a worker that is silent for long is forgotten by a prune", (queue) =>
    Effect.gen(function* () {
      yield* beat(queue, "silent")
      yield* TestClock.adjust("1 day")
      yield* queue.prune()
      const soon = yield* workers(queue)
      yield* TestClock.adjust("1 day")

      yield* queue.prune()

      assert.lengthOf(soon, 1)
      assert.deepStrictEqual(yield* workers(queue), [])
    })
  )
})
