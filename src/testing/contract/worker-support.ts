import { assert } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Backoff from "../../domain/Backoff.ts"
import type { JobId, JobState } from "../../domain/Job.ts"
import type { AnyTask, Payload, Success } from "../../domain/Task.ts"
import * as Task from "../../domain/Task.ts"
import { Client } from "../../features/client/Client.ts"
import { type JobInfo, Worker, type WorkerOptions } from "../../features/worker/Worker.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import type { TestQueue } from "./TestQueue.ts"

/** What most tests run: the payload says what to do. */
export class Echo extends Task.make("contract.echo", {
  payload: { text: Schema.String },
  success: Schema.String,
  maxAttempts: 3,
  backoff: Backoff.fixed("10 seconds")
}) {}

export const enqueue = <T extends AnyTask>(
  queue: TestQueue,
  task: T,
  payload: Payload<T>,
  options: { readonly id?: JobId; readonly delay?: Duration.Input } = {}
) => Effect.provide(Client.enqueue(task, payload, { queue: queue.name, ...options }), Client.layer)

/** Starts a worker that lives as long as the test; at its end it does not wait for handlers. */
export const work = <T extends AnyTask, R>(
  queue: TestQueue,
  task: T,
  run: (payload: Payload<T>, job: JobInfo) => Effect.Effect<Success<T>, unknown, R>,
  options: Partial<WorkerOptions<ReadonlyArray<AnyTask>>> = {}
) =>
  Layer.build(
    Worker.layer({ queues: [queue.name], drain: 0, ...options, tasks: [task] as const }).pipe(
      Layer.provide(Worker.handler(task, run))
    )
  )

const polls = 25

/** How long, in real time, a backend may take to come to what a test waits for. */
const patienceMillis = 20_000

const liveMillis = TestClock.withLive(Clock.currentTimeMillis)

/** Asks again and again, without moving the test's clock, until it is so. */
export const eventually = <E, R>(isSo: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function* () {
    const startedAt = yield* liveMillis
    for (let asked = 1; (yield* liveMillis) - startedAt < patienceMillis; asked++) {
      if (yield* isSo) return
      // a question that does not go to the store gives its answers no time to arrive
      yield* asked % polls === 0 ? TestClock.withLive(Effect.sleep(1)) : Effect.yieldNow
    }
    assert.fail("it never came to be")
  })

/**
 * Moves the clock in steps until it is so. Between steps the store, which may be far away, gets time to answer:
 * the question must go to it, or that time is none.
 */
export const advanceUntil = <E, R>(isSo: Effect.Effect<boolean, E, R>, step: Duration.Input = "1 second") =>
  Effect.gen(function* () {
    for (let steps = 0; steps < 400; steps++) {
      for (let i = 0; i < polls; i++) {
        if (yield* isSo) return
        yield* Effect.yieldNow
      }
      yield* TestClock.adjust(step)
    }
    assert.fail("it never came to be")
  })

/**
 * Whether the store has heard of a worker's first heartbeat. The answer to one may tell of a cancel, without its reason,
 * before the notice does.
 */
export const hasReported = (queue: TestQueue) =>
  Effect.map(
    QueueControl.use((control) => control.workers(queue.name)),
    ([worker]) => (worker?.about ?? "") !== ""
  )

export const isIn = (queue: TestQueue, id: JobId, ...states: ReadonlyArray<JobState | "none">) =>
  Effect.map(queue.state(id), (state) => (states as ReadonlyArray<string>).includes(state))
