import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { checkConcurrency, checkEntry } from "../../domain/check-queues.ts"
import { InvalidInput } from "../../domain/limits.ts"
import { partsOf } from "../../domain/queue-entries.ts"
import type { Entry, QueueOptions } from "../../domain/Queues.ts"
import type { QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { restarted } from "../loops/Loops.ts"
import { exchangeLoop, startLoop } from "./exchange-loop.ts"
import { extendLoop } from "./extend-leases.ts"
import type { Lane } from "./Lane.ts"
import { Pool } from "./Pool.ts"
import { releaseReady } from "./run-attempt.ts"
import { claimLoopOf, type WorkerState } from "./WorkerState.ts"

/** A queue that a worker serves, as it is now; the shards of a sharded one are listed one by one. */
export interface ServedQueue extends Omit<QueueOptions, "shards"> {
  readonly name: string
  /** The sharded queue that it is a shard of, when it is served as such. */
  readonly shardOf?: string
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
   * Changes how many handlers of one queue run at once at most; `undefined` leaves only the worker's own limit. The name
   * of a sharded queue stands for all its shards together, that of a shard for it alone.
   *
   * **Errors** `InvalidInput` for what is no integer above 0, and for a queue that this worker does not serve.
   * **Ref** docs/semantics.md QUEUES-6
   */
  readonly setQueueConcurrency: (queue: string, concurrency: number | undefined) => Effect.Effect<void, InvalidInput>
  /**
   * Serves one more queue from now on; in strict order it comes last. Answers false, and changes nothing, when the queue
   * is served already or the worker is stopping. With `shards` it serves those shards that it did not serve before.
   *
   * **Errors** `InvalidInput` for a bad name, weight or limit, and for any weight in strict order; `StoreError` when the
   * rate limits of the worker's tasks cannot be put in force there.
   * **Ref** docs/semantics.md QUEUES-7
   */
  readonly addQueue: (queue: string, options?: QueueOptions) => Effect.Effect<boolean, InvalidInput | StoreError>
  /**
   * Starts no more jobs of a queue, or of any shard of a sharded one. Those that run go on, and are settled. Answers
   * whether the queue was served.
   *
   * **Ref** docs/semantics.md QUEUES-8
   */
  readonly removeQueue: (queue: string) => Effect.Effect<boolean>
}

/** The fibers of one lane, which end when the lane is over. */
const runLane = (state: WorkerState, control: QueueControl["Service"], lane: Lane) =>
  Effect.gen(function* () {
    yield* state.loops.fork(`lease extension of queue ${lane.queue}`, extendLoop(state, state.store, lane))
    yield* state.loops.fork(`start loop of queue ${lane.queue}`, startLoop(state, lane))
    yield* restarted(claimLoopOf(lane.queue), exchangeLoop(state, state.store, lane))
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
  prepare: (entry: Entry) => Effect.Effect<void, InvalidInput | StoreError>
) {
  const { entries, order } = state.settings.queues

  const serveOne = (part: Entry, pool: Pool | undefined) =>
    Effect.suspend(() => {
      const { isNew, lane } = state.serve(part, pool)
      if (!isNew) return Effect.void
      // whoever adds a queue does not lend its own services to it
      const running = Effect.provideContext(runLane(state, control, lane), state.services)
      return Effect.map(Effect.forkIn(running, within), (fiber) => state.loops.add(claimLoopOf(part.name), fiber))
    }).pipe(Effect.uninterruptible)

  const isServed = (queue: string): boolean => state.laneOf(queue)?.serving === true

  const serve = (entry: Entry) => {
    const parts = partsOf(entry).filter(({ name }) => !isServed(name))
    const pool =
      entry.shards === undefined ? undefined : new Pool(entry.name, entry.concurrency ?? Number.POSITIVE_INFINITY)
    return Effect.forEach(parts, (part) => serveOne(part, pool), { discard: true })
  }

  /** What a name stands for: the queue itself, or else the shards of the sharded queue. */
  const servedAs = (queue: string): ReadonlyArray<Lane> =>
    isServed(queue) ? [state.laneOf(queue)!] : state.serving.filter(({ pool }) => pool?.name === queue)

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
        ...(lane.pool === undefined ? {} : { shardOf: lane.pool.name }),
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
      const lanes = servedAs(queue)
      if (lanes.length === 0) {
        return yield* Effect.fail(
          new InvalidInput({ field: "queue", problem: `${queue} is not served by this worker` })
        )
      }
      for (const lane of lanes) {
        lane.limit = concurrency ?? Number.POSITIVE_INFINITY
        if (lane.pool?.name === queue) lane.pool.limit = lane.limit
      }
      state.look.openUnsafe()
    }),
    addQueue: Effect.fnUntraced(function* (name, options = {}) {
      const entry = { ...options, name }
      yield* Effect.fromResult(checkEntry(entry, order))
      const isLate = () => state.stopping || partsOf(entry).every((part) => isServed(part.name))
      if (isLate()) return false
      yield* prepare(entry)
      if (isLate()) return false
      yield* serve(entry)
      return true
    }),
    removeQueue: (name) =>
      Effect.sync(() => {
        const lanes = servedAs(name)
        for (const lane of lanes) {
          state.leave(lane)
          releaseReady(state, lane)
        }
        return lanes.length > 0
      })
  } satisfies ServedQueues
})
