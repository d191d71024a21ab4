import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { Wakeups } from "../../ports/Wakeups.ts"
import { Notices } from "../../ports/Notices.ts"
import { contract } from "./contract.ts"
import { advanceUntil, Echo, enqueue, isIn, work } from "./worker-support.ts"

/** Builds something in a scope of its own, and gives the means to close it. */
const scoped = Effect.fnUntraced(function* <A, E, R>(build: Effect.Effect<A, E, R>) {
  const scope = yield* Scope.make()
  yield* Effect.provideService(build, Scope.Scope, scope)
  return Scope.close(scope, Exit.void)
})

export const stoppingContract = contract("stopping", (it) => {
  it.effect("STOP-1 STOP-2 a stopping worker finishes and settles what runs, and claims nothing more", (queue) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<string>()
      const stop = yield* scoped(
        work(queue, Echo, () => Effect.andThen(Deferred.succeed(started, undefined), Deferred.await(gate)), {
          concurrency: 1,
          drain: "30 seconds"
        })
      )
      const running = yield* enqueue(queue, Echo, { text: "running" })
      yield* Deferred.await(started)
      const waiting = yield* enqueue(queue, Echo, { text: "waiting" })

      const stopping = yield* Effect.forkChild(stop, { startImmediately: true })
      yield* Deferred.succeed(gate, "finished")
      yield* Fiber.join(stopping)

      assert.deepInclude(yield* queue.read(running.id), { state: "completed", result: `"finished"` })
      assert.deepInclude(yield* queue.read(waiting.id), { state: "pending", attempt: 0 })
    })
  )

  it.effect("STOP-3 a handler over the drain time is interrupted and its job released", (queue) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const cleaned = yield* Deferred.make<void>()
      const stop = yield* scoped(
        work(
          queue,
          Echo,
          () =>
            Deferred.succeed(started, undefined).pipe(
              Effect.andThen(Effect.never),
              Effect.ensuring(Deferred.succeed(cleaned, undefined))
            ),
          { drain: "3 seconds" }
        )
      )
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      yield* Deferred.await(started)

      const stopping = yield* Effect.forkChild(stop, { startImmediately: true })
      yield* advanceUntil(isIn(queue, id, "pending"))
      yield* Fiber.join(stopping)

      yield* Deferred.await(cleaned)
      assert.deepInclude(yield* queue.read(id), { attempt: 0, failures: [] })
    })
  )

  it.effect("STOP-3 a handler that ignores interruption does not hold up the end for ever", (queue) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<string>()
      const stop = yield* scoped(
        work(
          queue,
          Echo,
          () => Effect.uninterruptible(Effect.andThen(Deferred.succeed(started, undefined), Deferred.await(gate))),
          { drain: "3 seconds" }
        )
      )
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      yield* Deferred.await(started)

      const stopping = yield* Effect.forkChild(stop, { startImmediately: true })
      yield* advanceUntil(Effect.map(queue.depths, () => stopping.pollUnsafe() !== undefined))

      assert.strictEqual(yield* queue.state(id), "active")
      yield* Deferred.succeed(gate, "too late")
    })
  )

  it.effect("STOP-4 a job claimed while the worker stops is released unrun", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const wakeups = yield* Wakeups
      // nothing comes but by exchanges
      const signals = Wakeups.of({ subscribe: (queues) => wakeups.subscribe(queues) })
      const asked = yield* Deferred.make<void>()
      const answer = yield* Deferred.make<void>()
      // the reply to the first claim that hands out a job comes late
      const slow = JobStore.of({
        ...store,
        exchange: (request) =>
          Effect.tap(store.exchange(request), ({ claimed }) =>
            claimed.length === 0
              ? Effect.void
              : Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(answer))
          )
      })
      let runs = 0
      const stop = yield* scoped(
        Effect.provideService(
          work(queue, Echo, () => Effect.sync(() => String(++runs)), { drain: "30 seconds" }),
          JobStore,
          slow
        ).pipe(Effect.provideService(Wakeups, signals))
      )
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      yield* Deferred.await(asked)

      const stopping = yield* Effect.forkChild(stop, { startImmediately: true })
      yield* Deferred.succeed(answer, undefined)
      yield* advanceUntil(isIn(queue, id, "pending"))
      yield* Fiber.join(stopping)

      assert.strictEqual(runs, 0)
      assert.deepInclude(yield* queue.read(id), { attempt: 0 })
    })
  )

  it.effect("STOP-5 a worker told to be quiet finishes what runs, claims nothing, and says so", (queue) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<string>()
      yield* work(queue, Echo, () => Effect.andThen(Deferred.succeed(started, undefined), Deferred.await(gate)))
      const running = yield* enqueue(queue, Echo, { text: "running" })
      yield* Deferred.await(started)
      const notices = yield* Notices
      const workers = Inspector.workers(queue.name)
      const [worker] = yield* workers

      yield* notices.quiet(worker!.id)
      yield* advanceUntil(Effect.map(workers, ([seen]) => seen?.details?.stopping === true))
      const waiting = yield* enqueue(queue, Echo, { text: "waiting" })
      // far longer than the drain of a worker that stops
      yield* advanceUntil(
        Effect.map(workers, ([seen]) => seen!.seenAt > worker!.seenAt + 120_000),
        "5 seconds"
      )
      const still = yield* queue.state(running.id)
      yield* Deferred.succeed(gate, "finished")
      yield* advanceUntil(isIn(queue, running.id, "completed"))

      assert.strictEqual(still, "active")
      assert.deepInclude(yield* queue.read(running.id), { result: `"finished"`, attempt: 1 })
      assert.deepInclude(yield* queue.read(waiting.id), { state: "pending", attempt: 0 })
      assert.isTrue((yield* workers)[0]?.alive)
    })
  )
})
