import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Health from "../../features/health/Health.ts"
import { Worker } from "../../features/worker/Worker.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import { StoreError } from "../../ports/StoreError.ts"
import { contract } from "./contract.ts"
import type { TestQueue } from "./TestQueue.ts"
import { advanceUntil, Echo, enqueue, isIn, work } from "./worker-support.ts"

const cut = (operation: string) =>
  Effect.fail(new StoreError({ operation, reason: "unavailable", retryable: true, cause: "cut" }))

/** A store whose calls for some queues fail while they are named here, or wait until it is mended. */
const cuttable = Effect.fnUntraced(function* (how: "fails" | "hangs" = "fails") {
  const store = yield* JobStore
  const cutOff = new Set<string>()
  const mended = yield* Latch.make(false)
  const call = <A>(operation: string, queue: string, ask: Effect.Effect<A, StoreError>) =>
    Effect.suspend(() => {
      if (!cutOff.has(queue)) return ask
      return how === "fails" ? cut(operation) : Effect.andThen(mended.await, ask)
    })
  const cutting = JobStore.of({
    ...store,
    exchange: (request) => call("exchange", request.queue, store.exchange(request)),
    extendLeases: (request) => call("extendLeases", request.queue, store.extendLeases(request))
  })
  const mend = Effect.andThen(
    Effect.sync(() => cutOff.clear()),
    mended.open
  )
  return { store: cutting, cutOff, mend }
})

const isReady = Effect.map(Health.ready, ({ ok }) => ok)

/** The same, asked with a way to the store, which takes what time it takes. */
const asked = <A>(queue: TestQueue, question: Effect.Effect<A>) => Effect.andThen(queue.depths, question)

const idle = () => Effect.succeed("")

const withHealth = <A, E, R>(test: Effect.Effect<A, E, R>) => Effect.provide(test, Layer.fresh(Health.layer))

/** What a process tells an orchestrator. */
export const healthContract = contract("health", (it) => {
  it.effect("HEALTH-1 HEALTH-2 a worker is not ready while the store is out, and stays live", (queue) =>
    Effect.gen(function* () {
      const { cutOff, mend, store } = yield* cuttable()
      const none = yield* Health.ready
      const built = yield* Effect.provideService(work(queue, Echo, idle), JobStore, store)
      const { health, id } = Context.get(built, Worker)
      yield* advanceUntil(asked(queue, isReady))
      const before = yield* health

      cutOff.add(queue.name)
      yield* advanceUntil(
        asked(
          queue,
          Effect.map(isReady, (ok) => !ok)
        )
      )
      const during = [yield* Health.ready, yield* Health.live]
      const status = yield* health
      yield* mend
      yield* advanceUntil(asked(queue, isReady))
      const after = yield* health

      assert.deepStrictEqual(none, { ok: false, reason: "starting" })
      assert.deepInclude(before, { id, queues: [queue.name], stopping: false, quiet: false, endedLoops: [] })
      assert.isUndefined(before.storeProblem)
      assert.deepStrictEqual(during, [{ ok: false, reason: "store", detail: "unavailable" }, { ok: true }])
      assert.strictEqual(status.storeProblem, "unavailable")
      assert.isAtLeast(status.answeredMillisAgo!, 1)
      assert.isUndefined(after.storeProblem)
    }).pipe(withHealth)
  )

  it.effect("HEALTH-1 a worker that reaches one of its queues is ready", (queue) =>
    Effect.gen(function* () {
      const { cutOff, mend, store } = yield* cuttable()
      cutOff.add(queue.name)
      const queues = [queue.name, queue.sibling.name]
      const built = yield* Effect.provideService(work(queue, Echo, idle, { queues }), JobStore, store)
      const { health } = Context.get(built, Worker)
      yield* advanceUntil(asked(queue, isReady))

      cutOff.add(queue.sibling.name)
      yield* advanceUntil(
        asked(
          queue,
          Effect.map(health, ({ storeProblem }) => storeProblem === "unavailable")
        )
      )
      cutOff.delete(queue.name)
      yield* advanceUntil(asked(queue, isReady))
      yield* mend
      const { id } = yield* enqueue(queue.sibling, Echo, { text: "" })
      yield* advanceUntil(isIn(queue.sibling, id, "completed"))
    }).pipe(withHealth)
  )

  it.effect("HEALTH-1 a store that leaves calls without an answer is silent", (queue) =>
    Effect.gen(function* () {
      const { cutOff, mend, store } = yield* cuttable("hangs")
      const built = yield* Effect.provideService(work(queue, Echo, idle, { lease: "10 seconds" }), JobStore, store)
      const { health } = Context.get(built, Worker)
      yield* advanceUntil(asked(queue, isReady))

      cutOff.add(queue.name)
      yield* advanceUntil(
        asked(
          queue,
          Effect.map(health, ({ storeProblem }) => storeProblem === "silent")
        )
      )
      const { answeredMillisAgo } = yield* health
      yield* mend
      yield* advanceUntil(asked(queue, isReady))

      assert.isAbove(answeredMillisAgo!, 10_000)
      assert.isBelow(answeredMillisAgo!, 12_000)
    }).pipe(withHealth)
  )

  it.effect("HEALTH-3 a worker told to be quiet is not ready, and stays live", (queue) =>
    Effect.gen(function* () {
      const built = yield* work(queue, Echo, idle)
      const { id } = Context.get(built, Worker)
      yield* advanceUntil(asked(queue, isReady))

      yield* Effect.flatMap(Notices, (notices) => notices.quiet(id))
      yield* advanceUntil(
        asked(
          queue,
          Effect.map(isReady, (ok) => !ok)
        )
      )

      assert.deepStrictEqual([yield* Health.ready, yield* Health.live], [{ ok: false, reason: "quiet" }, { ok: true }])
    }).pipe(withHealth)
  )

  it.effect("HEALTH-3 a worker that stops is not ready, and asked no more when it has stopped", (queue) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<string>()
      const scope = yield* Scope.make()
      const run = () => Effect.andThen(Deferred.succeed(started, undefined), Deferred.await(gate))
      yield* Effect.provideService(work(queue, Echo, run, { drain: "30 seconds" }), Scope.Scope, scope)
      yield* enqueue(queue, Echo, { text: "" })
      yield* Deferred.await(started)

      const stop = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      const during = [yield* Health.ready, yield* Health.live]
      yield* Deferred.succeed(gate, "finished")
      yield* Fiber.join(stop)
      const after = yield* Health.statuses

      assert.deepStrictEqual(during, [{ ok: false, reason: "stopping" }, { ok: true }])
      assert.isEmpty(after)
    }).pipe(withHealth)
  )
})
