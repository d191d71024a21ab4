import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { JobId } from "../../domain/Job.ts"
import { InvalidInput, maxBatchJobs, maxBatchLength } from "../../domain/limits.ts"
import { type AnyQueue, nameOf } from "../../domain/Sharded.ts"
import * as Task from "../../domain/Task.ts"
import type { JobStore } from "../../ports/JobStore.ts"
import { observing } from "../telemetry/Enqueuing.ts"
import type { EnqueueOptions } from "./EnqueueOptions.ts"
import { Batches } from "./Batch.ts"
import type { InvalidPayload, PartlyEnqueued, PayloadTooLarge } from "./errors.ts"
import { prepare } from "./prepare.ts"
import { storeBatches } from "./store-batches.ts"
import type { EnqueueOutcome } from "./stored-as.ts"
import type { StoreError } from "../../ports/StoreError.ts"

/** A job that comes from outside, already encoded: its kind need not be known here. */
export interface RawJob extends Omit<EnqueueOptions<Task.AnyTask>, "queue" | "orderKey"> {
  readonly kind: string
  /** The key within which it keeps its order in a sharded queue. */
  readonly orderKey?: string
  /** Stored as it is. */
  readonly payload: string
  readonly retentionMillis: number
}

interface StoredJob {
  readonly id: JobId
  /** The queue, or its shard. */
  readonly queue: string
  readonly outcome: EnqueueOutcome
}

/** Stores jobs of one queue in order, all or none; of a sharded one, all or none of each shard. */
export type EnqueueRaw = (
  queue: AnyQueue,
  jobs: ReadonlyArray<RawJob>
) => Effect.Effect<
  ReadonlyArray<StoredJob>,
  InvalidInput | InvalidPayload | PayloadTooLarge | PartlyEnqueued | StoreError
>

const template = Task.make("raw", { payload: Schema.String })

/** A task of that kind whose payload is its own encoding. */
export const rawTask = ({ kind, retentionMillis }: Pick<RawJob, "kind" | "retentionMillis">): Task.AnyTask =>
  Object.assign({}, template, {
    kind,
    retentionMillis,
    encodePayload: (text: string) => Exit.succeed(text)
  })

/** Jobs of several kinds are counted as one kind. */
const kindOf = (jobs: ReadonlyArray<RawJob>): string => {
  const [first, ...rest] = new Set(jobs.map(({ kind }) => kind))
  return first === undefined || rest.length > 0 ? "mixed" : first
}

/**
 * Checks and stores jobs as a client does, by the same rules, limits and unique keys, and is observed like one.
 *
 * **Ref** docs/semantics.md ENQUEUE-1..7, UNIQUE-1..7, INPUT-2, INPUT-3, SHARD-1, SHARD-4, TRACE-1, METRIC-3
 */
export const make = (store: JobStore["Service"], maxPayloadBytes: number): Effect.Effect<EnqueueRaw> =>
  Effect.map(Effect.context<never>(), (services) => {
    const observe = observing(services)

    const storeAll = Effect.fnUntraced(function* (queue: AnyQueue, jobs: ReadonlyArray<RawJob>) {
      if (jobs.length > maxBatchJobs) {
        const problem = `holds ${jobs.length} jobs, at most ${maxBatchJobs} are stored in one step`
        return yield* Effect.fail(new InvalidInput({ field: "jobs", problem }))
      }
      const batches = new Batches()
      let length = 0
      for (const [place, job] of jobs.entries()) {
        const { id, kind: _kind, orderKey, payload, retentionMillis: _retention, ...options } = job
        const all = {
          ...options,
          queue,
          ...(id === undefined ? {} : { id: () => id }),
          ...(orderKey === undefined ? {} : { orderKey: () => orderKey })
        }
        const [batch] = yield* prepare(rawTask(job), [payload], all, maxPayloadBytes)
        batches.add(batch!.queue, batch!.jobs[0]!, place, batch!.areFresh[0]!)
        length += payload.length
      }
      if (length > maxBatchLength) {
        const problem = `hold more than ${maxBatchLength} characters, too many for one step`
        return yield* Effect.fail(new InvalidInput({ field: "jobs", problem }))
      }
      return batches.all.length === 0 ? [] : yield* storeBatches(store, { kind: kindOf(jobs) }, batches.all)
    })

    return (queue, jobs) => observe(nameOf(queue), kindOf(jobs), jobs.length, storeAll(queue, jobs))
  })
