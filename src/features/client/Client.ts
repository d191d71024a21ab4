import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { JobId } from "../../domain/Job.ts"
import { defaultMaxPayloadBytes, type InvalidInput } from "../../domain/limits.ts"
import type { AnyTask, Payload } from "../../domain/Task.ts"
import { JobStore } from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import type { EnqueueManyOptions, EnqueueOptions } from "./EnqueueOptions.ts"
import { type InvalidPayload, type PayloadTooLarge, prepare } from "./prepare.ts"

export type { EnqueueManyOptions, EnqueueOptions } from "./EnqueueOptions.ts"
export { InvalidPayload, PayloadTooLarge } from "./prepare.ts"

/**
 * What became of an enqueue.
 *
 * `enqueued`: stored. `existing`: the same job was stored before under this id. `conflict`: another job was stored
 * before under this id, and was left as it is. `duplicate`: another job, whose id this is, holds the unique key.
 */
export type EnqueueOutcome = "enqueued" | "existing" | "conflict" | "duplicate"

/** Points at a job: the one enqueued, or the one that was there before. */
export interface JobHandle<T extends AnyTask = AnyTask> {
  readonly id: JobId
  readonly queue: string
  readonly task: T
  readonly outcome: EnqueueOutcome
}

export type EnqueueError = InvalidInput | InvalidPayload | PayloadTooLarge | StoreError

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
   * **Ref** docs/semantics.md ENQUEUE-1..6, UNIQUE-1..5, INPUT-1..3
   */
  readonly enqueue: <T extends AnyTask>(
    task: T,
    payload: Payload<T>,
    options?: EnqueueOptions<T>
  ) => Effect.Effect<JobHandle<T>, EnqueueError>

  /**
   * Stores many jobs of one task in order, all or none; at most 5000.
   *
   * **Shape** One handle per payload, in order.
   * **Errors** as `enqueue`; one bad payload leaves all out.
   */
  readonly enqueueMany: <T extends AnyTask>(
    task: T,
    payloads: ReadonlyArray<Payload<T>>,
    options?: EnqueueManyOptions<T>
  ) => Effect.Effect<ReadonlyArray<JobHandle<T>>, EnqueueError>
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

  static readonly layerWith = (options: ClientOptions): Layer.Layer<Client, never, JobStore> =>
    Layer.effect(
      Client,
      Effect.map(JobStore, (store) => make(store, options.maxPayloadBytes ?? defaultMaxPayloadBytes))
    )

  static readonly layer: Layer.Layer<Client, never, JobStore> = Client.layerWith({})
}

const make = (store: JobStore["Service"], maxPayloadBytes: number): ClientShape => {
  const enqueueMany: ClientShape["enqueueMany"] = Effect.fnUntraced(function* (task, payloads, options) {
    const { jobs, queue } = yield* prepare(task, payloads, options ?? {}, maxPayloadBytes)
    const outcomes = yield* store.enqueue(queue, jobs)
    return outcomes.map((outcome, i) => {
      const handle = (id: JobId, what: EnqueueOutcome) => ({ id, queue, task, outcome: what })
      switch (outcome._tag) {
        case "Enqueued":
          return handle(jobs[i]!.id, "enqueued")
        case "Existing":
          return handle(jobs[i]!.id, outcome.identical ? "existing" : "conflict")
        case "Duplicate":
          return handle(outcome.of, "duplicate")
      }
    })
  })

  return Client.of({
    enqueueMany,
    enqueue: (task, payload, options) => {
      const { id, ...rest } = options ?? {}
      return Effect.map(
        enqueueMany(task, [payload], id === undefined ? rest : { ...rest, id: () => id }),
        (handles) => handles[0]!
      )
    }
  })
}
