import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type { JobId } from "../../domain/Job.ts"
import type { AnyQueue } from "../../domain/Sharded.ts"
import type { AnyTask, Payload } from "../../domain/Task.ts"

/**
 * How a job is unique.
 * @category jobs
 * @since 0.1.0
 */
export interface Unique<T extends AnyTask> {
  /** The key, shared by all kinds of the queue; derived from kind and payload when left out. */
  readonly key?: string | ((payload: Payload<T>) => string)
  /** How long the key is held: until the job ends, which is the default, or until an attempt starts. */
  readonly until?: "ended" | "started"
  /** Holds the key for this long instead, whatever becomes of the job: at most one job per window. */
  readonly window?: Duration.Input
  /** Puts this job in the place of one that still waits with the key, instead of leaving it out: debouncing. */
  readonly replace?: boolean
}

/**
 * What can be said of a job beyond its task and payload. Anything left out comes from the task.
 * @category jobs
 * @since 0.1.0
 */
export interface EnqueueOptions<T extends AnyTask> {
  /** Where it waits: a name, or `Queues.sharded`. */
  readonly queue?: AnyQueue
  /** The key within which it keeps its order in a sharded queue, in place of what the task's `orderBy` says. */
  readonly orderKey?: string
  /** How long it waits at least, by the backend's clock. Not together with `at`. */
  readonly delay?: Duration.Input
  /** The instant before which it does not run; one that has passed means at once. */
  readonly at?: DateTime.DateTime | Date | number
  /**
   * When it expires: no attempt starts from then on, be it the first or a retry. The claim that would hand the job out
   * cancels it instead; an attempt that has started goes on, and a redrive lifts the expiry.
   *
   * **Ref** docs/semantics.md EXPIRE-1..3
   */
  readonly expires?: Duration.Input
  /** The instant at which it expires. Not together with `expires`. */
  readonly expiresAt?: DateTime.DateTime | Date | number
  /** Words to find it by; at most 16 of at most 64 characters. */
  readonly tags?: ReadonlyArray<string>
  /** Lower runs first, -4096 to 4095. */
  readonly priority?: number
  /** Attempts allowed, the first one included. */
  readonly maxAttempts?: number
  /** Makes enqueueing idempotent: while a job with this id is stored, it is not stored again. */
  readonly id?: JobId
  /**
   * At most one unsettled job of the queue holds a unique key. `true` derives it from kind and payload;
   * `key` names it, and is shared by all kinds of the queue. In a sharded queue that holds over all shards, but for
   * jobs with an order key only among those whose order keys are the same.
   */
  readonly unique?: boolean | Unique<T>
}

/**
 * The options of many jobs at once; ids and order keys are derived, since each job has its own.
 * @category jobs
 * @since 0.1.0
 */
export interface EnqueueManyOptions<T extends AnyTask> extends Omit<EnqueueOptions<T>, "id" | "orderKey"> {
  /** Derives each job's id; generated when left out. */
  readonly id?: (payload: Payload<T>, index: number) => JobId
  /** Derives each job's order key, in place of what the task's `orderBy` says. */
  readonly orderKey?: (payload: Payload<T>, index: number) => string | undefined
}
