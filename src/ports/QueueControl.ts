import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { EpochMillis, Job, JobId, JobState } from "../domain/Job.ts"
import type { StoreError } from "./StoreError.ts"

/** How many jobs are in each state now. */
export type Depths = Readonly<Record<JobState, number>>

/**
 * What happened in a queue since it was created. `enqueued` always equals the sum of all depths plus `removed`.
 */
export interface Counters {
  /** Jobs accepted; duplicates do not count. */
  readonly enqueued: number
  /** Claims handed out. */
  readonly claimed: number
  readonly completed: number
  /** Attempts that failed and left the job an attempt. */
  readonly retried: number
  /** Jobs that became dead letters. */
  readonly died: number
  readonly cancelled: number
  readonly snoozed: number
  readonly released: number
  /** Expired leases taken back, whatever became of the job. */
  readonly rescued: number
  readonly redriven: number
  /** Records no longer stored: completed without retention, pruned, or purged. */
  readonly removed: number
  /** Enqueues answered with `Existing`, `Duplicate` or `Replaced`. */
  readonly duplicates: number
  /** Settlements and extensions refused because another claim or a rescue took the job. */
  readonly stale: number
  /** Jobs whose time to start was over; they count as cancelled as well. */
  readonly expired: number
}

/** What all workers of a queue together may do; absent means unlimited. */
export interface QueueLimits {
  /** Jobs active at once. */
  readonly maxActive?: number
}

/**
 * A token bucket over all workers of a queue. It holds `burst` tokens at most, gains `limit` per `perMillis`
 * continuously, and a claim takes one per job.
 */
export interface RateLimit {
  readonly limit: number
  readonly perMillis: number
  readonly burst: number
}

/** A worker as its queue knows it. */
export interface WorkerRecord {
  readonly id: string
  /** When it last extended its leases, epoch milliseconds. */
  readonly seenAt: EpochMillis
  /** What it says of itself; empty when it says nothing. */
  readonly about: string
}

/** Which jobs of which queue, and from where on. */
export interface ListRequest {
  readonly queue: string
  readonly state: JobState
  /** Where the previous page ended; absent for the first. */
  readonly cursor?: string
  readonly limit: number
}

/** Jobs of one state, in its order. */
export interface JobPage {
  readonly jobs: ReadonlyArray<Job>
  /** Present when there may be more. */
  readonly cursor?: string
}

/**
 * Shows and steers queues as a whole.
 *
 * @category queues
 * @since 0.1.0
 */
export class QueueControl extends Context.Service<
  QueueControl,
  {
    /** Every queue that took a job, a pause or a worker's sign of life and was not removed since, by name. **Ref** LIST-3 */
    readonly queues: Effect.Effect<ReadonlyArray<string>, StoreError>
    /** Stops handing out jobs; everything else goes on. Answers whether it was running. **Ref** PAUSE-1..2 */
    readonly pause: (queue: string) => Effect.Effect<boolean, StoreError>
    /** Hands out jobs again. Answers whether it was paused. */
    readonly resume: (queue: string) => Effect.Effect<boolean, StoreError>
    readonly isPaused: (queue: string) => Effect.Effect<boolean, StoreError>
    /** **Ref** LIMIT-1, LIMIT-2 */
    readonly limits: (queue: string) => Effect.Effect<QueueLimits, StoreError>
    /** Sets all limits at once; what is left out is unlimited. **Ref** LIMIT-2 */
    readonly setLimits: (queue: string, limits: QueueLimits) => Effect.Effect<void, StoreError>
    /** The limits in force, by kind. */
    readonly rateLimits: (queue: string) => Effect.Effect<Readonly<Record<string, RateLimit>>, StoreError>
    /** Limits how often jobs of a kind start in this queue, or lifts the limit. **Ref** RATE-1..5 */
    readonly setRateLimit: (
      queue: string,
      kind: string,
      limit: RateLimit | undefined
    ) => Effect.Effect<void, StoreError>
    /** The 1000 workers seen last, by id. **Ref** WORKERS-1 */
    readonly workers: (queue: string) => Effect.Effect<ReadonlyArray<WorkerRecord>, StoreError>
    /** Takes a worker that has ended off the list. */
    readonly removeWorker: (queue: string, worker: string) => Effect.Effect<void, StoreError>
    /**
     * Makes jobs that wait for their time visible at once; answers which did wait. At most 1000 a call. **Ref** DELAY-5
     */
    readonly runNow: (queue: string, jobIds: ReadonlyArray<JobId>) => Effect.Effect<ReadonlyArray<JobId>, StoreError>
    /** Removes records of jobs that have ended, before their time; answers how many. At most 1000 a call. **Ref** RETAIN-5 */
    readonly remove: (queue: string, jobIds: ReadonlyArray<JobId>) => Effect.Effect<number, StoreError>
    /**
     * Removes all that is stored of a queue that holds nothing: its pause, limits, counters and list of workers. Answers
     * false, and changes nothing, when it has jobs, schedules, or endings that workflows have not heard. **Ref** LIST-4
     */
    readonly removeQueue: (queue: string) => Effect.Effect<boolean, StoreError>
    readonly depths: (queue: string) => Effect.Effect<Depths, StoreError>
    readonly counters: (queue: string) => Effect.Effect<Counters, StoreError>
    /**
     * Lists jobs of one state, a page at a time.
     *
     * **Shape** `pending` in the order of claiming; `scheduled` and `retry` soonest first; `active` by lease expiry;
     * `completed` and `cancelled` by when they will be pruned; `dead` newest first. A job that stays in the state
     * while pages are read is listed exactly once (LIST-2).
     * **Units** `limit` from 1 to 1000 jobs.
     */
    readonly list: (request: ListRequest) => Effect.Effect<JobPage, StoreError>
  }
>()("winterq/ports/QueueControl") {}
