import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { describe } from "../../domain/describe.ts"
import type { Ended, JobId } from "../../domain/Job.ts"
import { defaultMaxPayloadBytes, type InvalidInput } from "../../domain/limits.ts"
import { nameOf } from "../../domain/Sharded.ts"
import type { AnyTask, Failure, Payload, Success } from "../../domain/Task.ts"
import { type CancelOutcome, JobStore } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { type Observe, observing } from "../telemetry/Enqueuing.ts"
import * as Endings from "./Endings.ts"
import type { EnqueueManyOptions, EnqueueOptions } from "./EnqueueOptions.ts"
import {
  type InvalidPayload,
  InvalidResult,
  JobCancelled,
  JobDead,
  JobExpired,
  JobMissing,
  type PartlyEnqueued,
  type PayloadTooLarge
} from "./errors.ts"
import { noOptions, prepareFor } from "./prepare.ts"
import { storeBatch, storeBatches } from "./store-batches.ts"
import type { EnqueueOutcome } from "./stored-as.ts"

export type { EnqueueManyOptions, EnqueueOptions, Unique } from "./EnqueueOptions.ts"
export {
  InvalidPayload,
  InvalidResult,
  JobCancelled,
  JobDead,
  JobExpired,
  JobMissing,
  PartlyEnqueued,
  PayloadTooLarge
} from "./errors.ts"
export { prepare } from "./prepare.ts"
export type { EnqueueOutcome } from "./stored-as.ts"

/** Points at a job: the one enqueued, or the one that was there before. */
export interface JobHandle<T extends AnyTask = AnyTask> {
  readonly id: JobId
  /** The queue that has it: of a sharded one, the shard. */
  readonly queue: string
  readonly task: T
  readonly outcome: EnqueueOutcome
}

/** Names a job: a handle, or its queue and id. */
export type JobRef = Pick<JobHandle, "id" | "queue">

/** What `awaitResult` can fail with besides the task's own error. */
export type AwaitError = JobDead | JobCancelled | JobExpired | JobMissing | InvalidResult | StoreError

/** What an enqueue can fail with. */
export type EnqueueError = InvalidInput | InvalidPayload | PayloadTooLarge | StoreError

/** What a client accepts. */
export interface ClientOptions {
  /** Largest encoded payload accepted, in bytes of UTF-8; 512 KiB when left out. */
  readonly maxPayloadBytes?: number
}

interface ClientShape {
  /**
   * Stores a job.
   *
   * **Shape** Succeeds once the job is stored, or was found to be there already: see `outcome`.
   * **Errors** `InvalidPayload`, `PayloadTooLarge`, `InvalidInput`: nothing was stored. `StoreError`: unknown; repeat
   * the call with the same `id` and there will be one job.
   * **Example** examples/quickstart.ts
   * **Ref** docs/semantics.md ENQUEUE-1..7, UNIQUE-1..5, INPUT-1..3
   */
  readonly enqueue: <T extends AnyTask>(
    task: T,
    payload: Payload<T>,
    options?: EnqueueOptions<T>
  ) => Effect.Effect<JobHandle<T>, EnqueueError>

  /**
   * Stores many jobs of one task in order, all or none; at most 5000. In a sharded queue each shard stores all of its
   * part or none of it.
   *
   * **Shape** One handle per payload, in order.
   * **Errors** as `enqueue`; one bad payload leaves all out. `PartlyEnqueued` when some shards stored their part and
   * others gave no answer.
   * **Ref** docs/semantics.md ENQUEUE-2, SHARD-4
   */
  readonly enqueueMany: <T extends AnyTask>(
    task: T,
    payloads: ReadonlyArray<Payload<T>>,
    options?: EnqueueManyOptions<T>
  ) => Effect.Effect<ReadonlyArray<JobHandle<T>>, EnqueueError | PartlyEnqueued>

  /**
   * Waits until a job has ended, and gives its result.
   *
   * **Shape** Told by the store when the job ends; looks by itself when that may have been lost, and every 10 seconds.
   * Waits as long as the job takes: bound it with `Effect.timeout`. The job is the one that is stored: after an outcome
   * other than `enqueued` that is the earlier one, of `conflict` with a payload, or even a kind, of its own.
   * **Errors** the task's declared error, typed; `JobDead` for any other death; `JobCancelled`, `JobExpired`;
   * `JobMissing` when there is no such job, or it ended and nothing is kept: give a task without a `success` a
   * `retention` if it is to be waited for; `InvalidResult`; `StoreError` when the store is out of reach at the start.
   * **Example** examples/results.ts
   * **Ref** docs/semantics.md RESULT-1..4
   */
  readonly awaitResult: <T extends AnyTask>(
    handle: Pick<JobHandle<T>, "id" | "queue" | "task">
  ) => Effect.Effect<Success<T>, Failure<T> | AwaitError>

  /**
   * Cancels a job: at once when it waits, and by asking its worker to interrupt the handler when it runs.
   *
   * **Shape** `cancelled`, `requested`, `ended` (before), or `gone`.
   * **Ref** docs/semantics.md CANCEL-1..4, RUN-10
   */
  readonly cancel: (job: JobRef, reason?: string) => Effect.Effect<CancelOutcome, StoreError>
}

/**
 * Puts jobs into queues.
 *
 * @category jobs
 * @since 0.1.0
 */
export class Client extends Context.Service<Client, ClientShape>()("winterq/features/client/Client") {
  static readonly enqueue = <T extends AnyTask>(task: T, payload: Payload<T>, options?: EnqueueOptions<T>) =>
    Client.use((client) => client.enqueue(task, payload, options))

  static readonly enqueueMany = <T extends AnyTask>(
    task: T,
    payloads: ReadonlyArray<Payload<T>>,
    options?: EnqueueManyOptions<T>
  ) => Client.use((client) => client.enqueueMany(task, payloads, options))

  static readonly awaitResult = <T extends AnyTask>(handle: Pick<JobHandle<T>, "id" | "queue" | "task">) =>
    Client.use((client) => client.awaitResult(handle))

  static readonly cancel = (job: JobRef, reason?: string) => Client.use((client) => client.cancel(job, reason))

  static readonly layerWith = (options: ClientOptions): Layer.Layer<Client, never, JobStore | Notices> =>
    Layer.effect(
      Client,
      Effect.gen(function* () {
        const store = yield* JobStore
        const endings = yield* Endings.make(store, yield* Notices)
        const observe = observing(yield* Effect.context<never>())
        return make(store, endings, options.maxPayloadBytes ?? defaultMaxPayloadBytes, observe)
      })
    )

  static readonly layer: Layer.Layer<Client, never, JobStore | Notices> = Client.layerWith({})
}

const decoded = <A>(jobId: JobId, exit: Exit.Exit<A, unknown>): Effect.Effect<A, InvalidResult> =>
  Exit.isSuccess(exit)
    ? Effect.succeed(exit.value)
    : Effect.fail(new InvalidResult({ jobId, problem: describe(Cause.squash(exit.cause)) }))

/** What an ending means to whoever waits for the job's result. */
const resultOf = <T extends AnyTask>(
  task: T,
  jobId: JobId,
  ended: Option.Option<Ended>
): Effect.Effect<Success<T>, Failure<T> | AwaitError> => {
  if (Option.isNone(ended)) return Effect.fail(new JobMissing({ jobId }))
  const end = ended.value
  switch (end._tag) {
    case "Completed":
      // a job of a task without a success stores none
      return end.result === undefined ? Effect.succeed(undefined) : decoded(jobId, task.decodeSuccess(end.result))
    case "Dead":
      return end.failure === undefined
        ? Effect.fail(new JobDead({ jobId, reason: end.reason, error: end.error }))
        : Effect.flatMap(decoded(jobId, task.decodeFailure(end.failure)), (failure: Failure<T>) => Effect.fail(failure))
    case "Cancelled":
      return Effect.fail(end.expired ? new JobExpired({ jobId }) : new JobCancelled({ jobId, reason: end.reason }))
  }
}

/** The options of one job as those of many. */
const forOne = <T extends AnyTask>(options: EnqueueOptions<T> | undefined): EnqueueManyOptions<T> => {
  if (options === undefined) return noOptions
  const { id, orderKey, ...rest } = options
  return {
    ...rest,
    ...(id === undefined ? {} : { id: () => id }),
    ...(orderKey === undefined ? {} : { orderKey: () => orderKey })
  }
}

const make = (
  store: JobStore["Service"],
  endings: Endings.Endings,
  maxPayloadBytes: number,
  observe: Observe
): ClientShape => {
  const enqueueMany: ClientShape["enqueueMany"] = (task, payloads, options = noOptions) =>
    observe(
      nameOf(options.queue ?? task.queue),
      task.kind,
      payloads.length,
      prepareFor(task, payloads, options, maxPayloadBytes, (batches) => storeBatches(store, task, batches))
    )

  return Client.of({
    awaitResult: ({ id, queue, task }) => Effect.flatMap(endings.of(queue, id), (ended) => resultOf(task, id, ended)),
    cancel: ({ id, queue }, reason = "cancelled by the client") => store.cancel({ queue, jobId: id, reason }),
    enqueueMany,
    enqueue: (task, payload, options) =>
      Effect.map(
        observe(
          nameOf(options?.queue ?? task.queue),
          task.kind,
          1,
          prepareFor(task, [payload], forOne(options), maxPayloadBytes, ([batch]) =>
            // one job is in one shard
            storeBatch(store, task, batch!)
          )
        ),
        (handles) => handles[0]!
      )
  })
}
