import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Client } from "../../features/client/Client.ts"
import { Worker } from "../../features/worker/Worker.ts"
import { contract } from "./contract.ts"
import { advanceUntil, Echo, enqueue, eventually, isIn, work } from "./worker-support.ts"
import type { TestQueue } from "./TestQueue.ts"

/** Handlers that wait for the gate, and what was started. */
const gated = () => {
  const started: Array<string> = []
  const gate = Latch.makeUnsafe(false)
  const run = ({ text }: { readonly text: string }) =>
    Effect.suspend(() => {
      started.push(text)
      return Effect.as(gate.await, text)
    })
  return { started, gate, run }
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `job-${i}`)

const enqueueAll = (queue: TestQueue, count: number) =>
  Effect.forEach(names(count), (text) => enqueue(queue, Echo, { text }, { id: text }))

const active = (queue: TestQueue, count: number) => Effect.map(queue.depths, (depths) => depths.active === count)

export const prefetchContract = contract("claiming ahead", (it) => {
  it.effect("RUN-8 RUN-14 jobs claimed ahead wait for a slot, and start in order", (queue) =>
    Effect.gen(function* () {
      const { gate, run, started } = gated()
      yield* enqueueAll(queue, 10)
      yield* work(queue, Echo, run, { concurrency: 2, prefetch: 3 })

      yield* eventually(active(queue, 5))
      const first = [...started]
      yield* gate.open
      yield* advanceUntil(isIn(queue, "job-9", "completed"))

      assert.deepStrictEqual(first, ["job-0", "job-1"])
      assert.deepStrictEqual(started, names(10))
    })
  )

  it.effect("RUN-14 without prefetch no job waits in the worker", (queue) =>
    Effect.gen(function* () {
      const { gate, run, started } = gated()
      yield* enqueueAll(queue, 5)
      yield* work(queue, Echo, run, { concurrency: 2, prefetch: 0 })

      yield* eventually(active(queue, 2))
      yield* gate.open
      yield* advanceUntil(isIn(queue, "job-4", "completed"))

      assert.deepStrictEqual(started, names(5))
    })
  )

  it.effect("RUN-14 STOP-4 what waits in a stopping worker is released, and counts no attempt", (queue) =>
    Effect.gen(function* () {
      const { gate, run, started } = gated()
      yield* enqueueAll(queue, 4)
      const scope = yield* Scope.make()
      yield* Effect.provideService(
        work(queue, Echo, run, { concurrency: 1, prefetch: 3, drain: "30 seconds" }),
        Scope.Scope,
        scope
      )
      yield* eventually(active(queue, 4))

      yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* eventually(active(queue, 1))
      yield* gate.open
      yield* advanceUntil(isIn(queue, "job-0", "completed"))

      assert.deepStrictEqual(started, ["job-0"])
      for (const id of ["job-1", "job-2", "job-3"]) {
        assert.deepInclude(yield* queue.read(id), { state: "pending", attempt: 0 })
      }
    })
  )

  it.effect("RUN-14 a job that is cancelled while it waits in the worker is not started", (queue) =>
    Effect.gen(function* () {
      const { gate, run, started } = gated()
      yield* enqueueAll(queue, 3)
      yield* work(queue, Echo, run, { concurrency: 1, prefetch: 2 })
      yield* eventually(active(queue, 3))

      yield* Effect.provide(Client.cancel({ id: "job-1", queue: queue.name }), Client.layer)
      // the extension of its lease tells as well, and is answered before what is asked later
      yield* TestClock.adjust("10 seconds")
      yield* eventually(active(queue, 3))
      yield* gate.open
      yield* advanceUntil(isIn(queue, "job-2", "completed"))

      assert.deepStrictEqual(started, ["job-0", "job-2"])
      assert.strictEqual((yield* queue.read("job-1")).state, "cancelled")
    })
  )

  it.effect("RUN-14 QUEUES-8 what waits of a queue that is removed is released", (queue) =>
    Effect.gen(function* () {
      const { gate, run, started } = gated()
      const first = yield* Deferred.make<void>()
      yield* enqueueAll(queue, 3)
      const services = yield* work(
        queue,
        Echo,
        (payload) => Effect.andThen(Deferred.succeed(first, undefined), run(payload)),
        { concurrency: 1, prefetch: 2 }
      )
      yield* eventually(active(queue, 3))
      yield* Deferred.await(first)

      yield* Effect.provide(
        Worker.use((worker) => worker.removeQueue(queue.name)),
        services
      )
      yield* advanceUntil(active(queue, 1))
      yield* gate.open
      yield* advanceUntil(isIn(queue, "job-0", "completed"))

      assert.deepStrictEqual(started, ["job-0"])
      assert.strictEqual((yield* queue.depths).pending, 2)
    })
  )
})
