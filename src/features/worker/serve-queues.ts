import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { checkConcurrency, checkEntry } from "../../domain/check-queues.ts"
import { InvalidInput } from "../../domain/limits.ts"
import type { Entry, QueueOptions } from "../../domain/Queues.ts"
import type { QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { exchangeLoop, startLoop } from "./exchange-loop.ts"
import { extendLoop } from "./extend-leases.ts"
import type { Lane } from "./Lane.ts"
import { releaseReady } from "./run-attempt.ts"
import { restarted, supervised } from "./supervised.ts"
import type { WorkerState } from "./WorkerState.ts"

/** A queue that a worker serves, as it is now. */
export interface ServedQueue extends QueueOptions {
  readonly name: string
  /** Handlers of this queue running now. */
  readonly running: number
}

/** What can be seen and changed of a worker's queues while it runs. */
export interface ServedQueues {
  /** The queues it serves now, in their order; absent `weight`: the order is strict. */
  readonly queues: Effect.Effect<ReadonlyArray<ServedQueue>>
  /**
   * Changes how many handlers run at once at most. Handlers above a lower number go on; no job starts until there are
   * fewer.
   *
   * **Errors** `InvalidInput` for what is no integer above 0.
   * **Ref** docs/semantics.md QUEUES-6
   */
  readonly setConcurrency: (concurrency: number) => Effect.Effect<void, InvalidInput>
  /**
   * Changes how many handlers of one queue run at once at most; `undefined` leaves only the worker's own limit.
   *
   * **Errors** `InvalidInput` for what is no integer above 0, and for a queue that this worker does not serve.
   * **Ref** docs/semantics.md QUEUES-6
   */
  readonly setQueueConcurrency: (queue: string, concurrency: number | undefined) => Effect.Effect<void, InvalidInput>
  /**
   * Serves one more queue from now on; in strict order it comes last. Answers false, and changes nothing, when the queue
   * is served already or the worker is stopping.
   *
   * **Errors** `InvalidInput` for a bad name, weight or limit, and for any weight in strict order; `StoreError` when the
   * rate limits of the worker's tasks cannot be put in force there.
   * **Ref** docs/semantics.md QUEUES-7
   */
  readonly addQueue: (queue: string, options?: QueueOptions) => Effect.Effect<boolean, InvalidInput | StoreError>
  /**
   * Starts no more jobs of a queue. Those that run go on, and are settled. Answers whether the queue was served.
   *
   * **Ref** docs/semantics.md QUEUES-8
   */
  readonly removeQueue: (queue: string) => Effect.Effect<boolean>
}

/** The fibers of one lane, which end when the lane is over. */
const runLane = (state: WorkerState, control: QueueControl["Service"], lane: Lane) =>
  Effect.gen(function* () {
    yield* supervised(`lease extension of queue ${lane.queue}`, extendLoop(state, state.store, lane))
    yield* supervised(`start loop of queue ${lane.queue}`, startLoop(state, lane))
    yield* restarted(`claim loop of queue ${lane.queue}`, exchangeLoop(state, state.store, lane))
  }).pipe(
    Effect.scoped,
    Effect.andThen(control.removeWorker(lane.queue, state.id)),
    Effect.catch((error) => Effect.logDebug(`${state.id} is still listed at queue ${lane.queue}: ${error.message}`))
  )

/** Serves the queues of the settings, and those that are added later, until the scope closes. */
export const serveQueues = Effect.fnUntraced(function* (
  state: WorkerState,
  control: QueueControl["Service"],
  within: Scope.Scope,
  prepare: (queue: string) => Effect.Effect<void, InvalidInput | StoreError>
) {
  const { entries, order } = state.settings.queues

  const serve = (entry: Entry) =>
    Effect.suspend(() => {
      const { isNew, lane } = state.serve(entry)
      if (!isNew) return Effect.void
      // whoever adds a queue does not lend its own services to it
      return Effect.asVoid(Effect.forkIn(Effect.provideContext(runLane(state, control, lane), state.services), within))
    }).pipe(Effect.uninterruptible)

  const served = (queue: string): Lane | undefined => {
    const lane = state.laneOf(queue)
    return lane?.serving === true ? lane : undefined
  }

  for (const entry of entries) yield* serve(entry)
  // what was told to telemetry is taken back as it was when the worker started
  yield* Scope.addFinalizer(
    within,
    Effect.sync(() => state.extensions.slots(state.settings.concurrency - state.concurrency))
  )

  return {
    queues: Effect.sync(() =>
      state.serving.map((lane) => ({
        name: lane.queue,
        ...(order === "strict" ? {} : { weight: lane.weight }),
        ...(Number.isFinite(lane.limit) ? { concurrency: lane.limit } : {}),
        running: lane.running
      }))
    ),
    setConcurrency: Effect.fnUntraced(function* (concurrency) {
      yield* Effect.fromResult(checkConcurrency(concurrency))
      state.extensions.slots(concurrency - state.concurrency)
      state.concurrency = concurrency
      state.look.openUnsafe()
    }),
    setQueueConcurrency: Effect.fnUntraced(function* (queue, concurrency) {
      if (concurrency !== undefined) yield* Effect.fromResult(checkConcurrency(concurrency))
      const lane = served(queue)
      if (lane === undefined) {
        return yield* Effect.fail(
          new InvalidInput({ field: "queue", problem: `${queue} is not served by this worker` })
        )
      }
      lane.limit = concurrency ?? Number.POSITIVE_INFINITY
      state.look.openUnsafe()
    }),
    addQueue: Effect.fnUntraced(function* (name, options = {}) {
      yield* Effect.fromResult(checkEntry({ ...options, name }, order))
      const isLate = () => state.stopping || served(name) !== undefined
      if (isLate()) return false
      yield* prepare(name)
      if (isLate()) return false
      yield* serve({ ...options, name })
      return true
    }),
    removeQueue: (name) =>
      Effect.sync(() => {
        const lane = served(name)
        if (lane !== undefined) {
          state.leave(lane)
          releaseReady(state, lane)
        }
        return lane !== undefined
      })
  } satisfies ServedQueues
})
