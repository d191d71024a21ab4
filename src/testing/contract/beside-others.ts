import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { Worker } from "../../features/worker/Worker.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { type Notice, Notices } from "../../ports/Notices.ts"
import { Wakeups } from "../../ports/Wakeups.ts"
import { contract } from "./contract.ts"
import { countedWakeups } from "./many-queues-support.ts"
import { listeningLogger } from "./observing-support.ts"
import { advanceUntil, Echo, enqueue, eventually, isIn, work } from "./worker-support.ts"
import type { TestQueue } from "./TestQueue.ts"

type TwoQueues = TestQueue & { readonly sibling: TestQueue }

const quick = ({ text }: { readonly text: string }) => Effect.succeed(text)

/** A worker of two queues, so that it waits for signals and nothing else, with one handler that does not end by itself. */
const busyWorker = Effect.fnUntraced(function* (queue: TwoQueues, concurrency: number) {
  const gate = yield* Latch.make(false)
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Effect.andThen(gate.open, Scope.close(scope, Exit.void)))
  const services = yield* work(queue, Echo, ({ text }) => Effect.as(gate.await, text), {
    queues: [queue.name, queue.sibling.name],
    drain: "1 hour",
    concurrency
  }).pipe(Scope.provide(scope))
  return { services, stop: Scope.close(scope, Exit.void) }
})

/** A worker of both queues that waits for signals by the time this ends. */
const idleWorker = Effect.fnUntraced(function* (queue: TwoQueues) {
  const wakeups = yield* countedWakeups
  yield* work(queue, Echo, quick, { queues: [queue.name, queue.sibling.name] }).pipe(
    Effect.provideService(Wakeups, wakeups.wakeups)
  )
  yield* wakeups.waiting
})

/** Wake-ups that keep what they hear to themselves once they are told to. */
const heldWakeups = Effect.map(countedWakeups, ({ heard, waiting, wakeups }) => {
  let holds = false
  let isHeld = false
  const hold = Effect.suspend((): Effect.Effect<void> => {
    isHeld = holds
    return holds ? Effect.never : Effect.void
  })
  return {
    heard,
    waiting,
    /** Gives a signal, and ends when it is held. */
    held: <A, E, R>(signal: Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        holds = true
        return Effect.andThen(signal, eventually(Effect.sync(() => isHeld)))
      }),
    wakeups: Wakeups.of({
      subscribe: (queues) =>
        Effect.map(wakeups.subscribe(queues), ({ pass, wait }) => ({
          wait: (millis) => Effect.andThen(wait(millis), hold),
          pass
        }))
    })
  }
})

const isActive = (queue: TestQueue, id: string) => eventually(isIn(queue, id, "active"))

/** No worker may do worse for others that are there than if it were not there. */
export const besideOthersContract = contract("workers beside others", (it) => {
  it.effect("WAKE-1 STOP-1 a worker that stops leaves signals to others", (queue) =>
    Effect.gen(function* () {
      const busy = yield* busyWorker(queue, 2)
      yield* enqueue(queue, Echo, { text: "" }, { id: "long" })
      yield* isActive(queue, "long")
      yield* idleWorker(queue)
      yield* Effect.forkChild(busy.stop, { startImmediately: true })

      yield* enqueue(queue, Echo, { text: "" }, { id: "next" })

      // no time passes: only the signal can have told of it
      yield* eventually(isIn(queue, "next", "completed"))
    })
  )

  it.effect("WAKE-1 a worker that was told to be quiet leaves signals to others", (queue) =>
    Effect.gen(function* () {
      const notices = yield* Notices
      const { about, layer } = listeningLogger()
      yield* Effect.provide(busyWorker(queue, 2), layer)
      yield* enqueue(queue, Echo, { text: "" }, { id: "long" })
      yield* isActive(queue, "long")
      const { worker } = yield* queue.read("long")
      yield* idleWorker(queue)
      yield* notices.quiet(worker!)
      yield* eventually(Effect.map(queue.depths, () => about("told to be quiet").length > 0))

      for (const id of ["a", "b", "c", "d"]) yield* enqueue(queue, Echo, { text: "" }, { id })

      for (const id of ["a", "b", "c", "d"]) yield* eventually(isIn(queue, id, "completed"))
    })
  )

  it.effect("RUN-13 a delayed job starts when it is due, though the worker that knew of it has stopped", (queue) =>
    Effect.gen(function* () {
      const knowing = yield* busyWorker(queue, 1)
      const now = yield* Clock.currentTimeMillis
      yield* enqueue(queue, Echo, { text: "" }, { id: "later", delay: "2 seconds" })
      yield* eventually(isIn(queue, "later", "scheduled"))
      yield* idleWorker(queue)
      yield* knowing.stop

      yield* advanceUntil(isIn(queue, "later", "completed"), "100 millis")

      assert.isAtMost((yield* queue.read("later")).startedAt! - now, 2200)
    })
  )

  it.effect(
    "RUN-13 a delayed job starts when it is due, though the worker that knows of it has no room by then",
    (queue) =>
      Effect.gen(function* () {
        yield* busyWorker(queue, 1)
        const now = yield* Clock.currentTimeMillis
        yield* enqueue(queue, Echo, { text: "" }, { id: "later", delay: "2 seconds" })
        yield* enqueue(queue, Echo, { text: "" }, { id: "long" })
        yield* isActive(queue, "long")
        yield* idleWorker(queue)

        yield* advanceUntil(isIn(queue, "later", "completed"), "100 millis")

        assert.isAtMost((yield* queue.read("later")).startedAt! - now, 2200)
      })
  )

  it.effect("WAKE-9 a worker that has no room passes on what it has heard", (queue) =>
    Effect.gen(function* () {
      yield* busyWorker(queue, 1)
      const now = yield* Clock.currentTimeMillis
      yield* enqueue(queue, Echo, { text: "" }, { id: "long", delay: "1 second" })
      // it listens while it takes this, since nobody signals what is due
      yield* advanceUntil(isIn(queue, "long", "active"), "100 millis")
      yield* idleWorker(queue)

      yield* enqueue(queue, Echo, { text: "" }, { id: "next" })
      yield* advanceUntil(isIn(queue, "next", "completed"), "100 millis")

      assert.isAtMost((yield* queue.read("next")).startedAt! - now, 2000)
    })
  )

  it.effect("WAKE-9 a worker without room whose queues change passes on what it has heard", (queue) =>
    Effect.gen(function* () {
      const { heard, wakeups } = yield* countedWakeups
      const { services } = yield* Effect.provideService(busyWorker(queue, 1), Wakeups, wakeups)
      yield* enqueue(queue.sibling, Echo, { text: "" }, { id: "long", delay: "1 second" })
      // as above
      yield* advanceUntil(isIn(queue.sibling, "long", "active"), "100 millis")
      yield* idleWorker(queue)
      yield* heard(enqueue(queue.sibling, Echo, { text: "" }, { id: "next" }))

      yield* Context.get(services, Worker).removeQueue(queue.name)

      // no time passes
      yield* eventually(isIn(queue.sibling, "next", "completed"))
    })
  )

  it.effect("QUEUES-8 a signal that was heard as its queue was removed reaches another worker", (queue) =>
    Effect.gen(function* () {
      const { heard, held, waiting, wakeups } = yield* heldWakeups
      const { services } = yield* Effect.provideService(busyWorker(queue, 2), Wakeups, wakeups)
      yield* waiting
      yield* heard(enqueue(queue, Echo, { text: "" }, { id: "long" }))
      yield* isActive(queue, "long")
      yield* waiting
      yield* idleWorker(queue)
      yield* held(enqueue(queue, Echo, { text: "" }, { id: "next" }))

      yield* Context.get(services, Worker).removeQueue(queue.name)

      // no time passes, and its own job does not end
      yield* eventually(isIn(queue, "next", "completed"))
    })
  )

  it.effect("RUN-10 a cancel that is heard of before the answer that brings the job interrupts its handler", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const { subscribe } = yield* Wakeups
      // nothing comes but by exchanges
      const signals = Wakeups.of({ subscribe: (queues) => subscribe(queues) })
      const inbox = yield* Queue.unbounded<Notice>()
      const notices = Notices.of({ ...(yield* Notices), open: () => Effect.succeed(inbox) })
      const late = JobStore.of({
        ...store,
        exchange: (request) =>
          Effect.tap(store.exchange(request), ({ claimed: [job] }) =>
            job === undefined
              ? Effect.void
              : Effect.gen(function* () {
                  const jobId = job.id
                  yield* store.cancel({ queue: queue.name, jobId, reason: "not wanted" })
                  const { token } = job
                  const reason = "not wanted"
                  yield* Queue.offer(inbox, { _tag: "CancelRequested", queue: queue.name, jobId, token, reason })
                  yield* eventually(Effect.map(Queue.size(inbox), (size) => size === 0))
                })
          )
      })
      yield* work(queue, Echo, () => Effect.never).pipe(
        Effect.provideService(JobStore, late),
        Effect.provideService(Wakeups, signals),
        Effect.provideService(Notices, notices)
      )
      yield* enqueue(queue, Echo, { text: "" }, { id: "a" })

      // no heartbeat passes
      yield* eventually(isIn(queue, "a", "cancelled"))
    })
  )
})
