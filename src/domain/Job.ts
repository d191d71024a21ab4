import * as Schema from "effect/Schema"

/**
 * Milliseconds since 1970-01-01T00:00:00Z, by the backend's clock unless a field says otherwise.
 * @category jobs
 * @since 0.1.0
 */
export type EpochMillis = number

/**
 * Identifies a job within its queue: 1 to 128 of `A-Z a-z 0-9 . _ : @ / + = -`. Generated ids have 22 characters and sort by time.
 * @category jobs
 * @since 0.1.0
 */
export type JobId = string

/**
 * Proof of holding a job's lease. Grows with every claim of a queue, so a later holder always has the larger token;
 * handlers can pass it on to their own storage as a fence.
 * @category jobs
 * @since 0.1.0
 */
export type Token = number

/**
 * Where a job is in its life; `docs/states.md` draws the table.
 * @category jobs
 * @since 0.1.0
 */
export const JobState = Schema.Literals(["scheduled", "pending", "active", "retry", "completed", "cancelled", "dead"])
export type JobState = typeof JobState.Type

/**
 * Why a job is a dead letter.
 * @category jobs
 * @since 0.1.0
 */
export const DeadReason = Schema.Literals(["exhausted", "crashed", "skipped", "undecodable"])
export type DeadReason = typeof DeadReason.Type

/**
 * Which node of which workflow a job is. `generation` grows when the workflow runs the node anew, as another job; the
 * first one is when the workflow was created, so that two workflows under one id, one after the other, share no jobs.
 * @category workflows
 * @since 0.1.0
 */
export const Member = Schema.Struct({
  workflow: Schema.String,
  node: Schema.Int,
  generation: Schema.Int
})
export type Member = typeof Member.Type

/**
 * How an attempt that did not complete ended.
 * @category jobs
 * @since 0.1.0
 */
export const FailureOutcome = Schema.Literals(["retry", "dead", "crashed", "cancelled", "expired"])
export type FailureOutcome = typeof FailureOutcome.Type

/**
 * One line of a job's ledger: an attempt that failed, crashed, or was cancelled. The latest 20 are kept.
 * @category jobs
 * @since 0.1.0
 */
export const Failure = Schema.Struct({
  /** Which attempt, from 1. */
  attempt: Schema.Int,
  /** When the attempt was claimed, epoch milliseconds. */
  startedAt: Schema.Number,
  /** When its end was recorded, epoch milliseconds. */
  endedAt: Schema.Number,
  outcome: FailureOutcome,
  /** What the handler or the library reported; at most 8 KiB. */
  error: Schema.String
})
export type Failure = typeof Failure.Type

/**
 * Everything a backend knows of one job. Times are epoch milliseconds by the backend's clock.
 * @category jobs
 * @since 0.1.0
 */
export const Job = Schema.Struct({
  id: Schema.String,
  queue: Schema.String,
  /** The task's kind; selects the handler. */
  kind: Schema.String,
  state: JobState,
  /** Lower runs first; set at enqueue. */
  priority: Schema.Int,
  /** Attempts counted so far in this generation; grows at claim, given back by release and snooze. */
  attempt: Schema.Int,
  /** Attempts allowed, the first one included. */
  maxAttempts: Schema.Int,
  /** Times its lease expired and it was taken back from a worker, since it was enqueued or redriven. */
  rescues: Schema.Int,
  /** Times the handler put it off, since it was enqueued or redriven. */
  snoozes: Schema.Int,
  /** The encoded payload, never touched by a backend. */
  payload: Schema.String,
  /** Small text values that travel with the job, such as a trace context. */
  headers: Schema.Record(Schema.String, Schema.String),
  /** Words to find it by; set at enqueue. */
  tags: Schema.Array(Schema.String),
  enqueuedAt: Schema.Number,
  /** From when on it waits to be run: its enqueue, the end of its delay, or when it was redriven or told to run now. */
  dueAt: Schema.Number,
  /** When it may next be claimed; absent unless `scheduled` or `retry`. */
  visibleAt: Schema.optionalKey(Schema.Number),
  /** When the latest attempt was claimed; absent before the first. */
  startedAt: Schema.optionalKey(Schema.Number),
  /** When it reached its final state; absent before. */
  finishedAt: Schema.optionalKey(Schema.Number),
  /** When the current lease ends; absent unless `active`. */
  leaseExpiresAt: Schema.optionalKey(Schema.Number),
  /** Who holds the lease; absent unless `active`. */
  worker: Schema.optionalKey(Schema.String),
  /** The token of its current claim; absent unless `active`. */
  token: Schema.optionalKey(Schema.Number),
  /** When it expires: no attempt starts from then on; absent when it does not. */
  expiresAt: Schema.optionalKey(Schema.Number),
  /** Why its holder was asked to stop it; absent unless `active` and asked. */
  cancelRequested: Schema.optionalKey(Schema.String),
  /** What its handler said last of how far it is, encoded; absent when it said nothing. */
  progress: Schema.optionalKey(Schema.String),
  /** The encoded success; absent unless `completed` with a result. */
  result: Schema.optionalKey(Schema.String),
  /** The encoded typed failure; absent unless `dead` with one. */
  failure: Schema.optionalKey(Schema.String),
  /** Why it is dead; absent unless `dead`. */
  deadReason: Schema.optionalKey(DeadReason),
  /** The unique key it holds or held; absent when it was not unique. */
  uniqueKey: Schema.optionalKey(Schema.String),
  /** Its place in a workflow; absent when it is in none. */
  member: Schema.optionalKey(Member),
  /** How long the record is kept after completion or cancellation, in milliseconds; 0 keeps nothing. */
  retainMillis: Schema.Number,
  /** The ledger of attempts that did not complete, oldest first. */
  failures: Schema.Array(Failure)
})
export type Job = typeof Job.Type

/**
 * How a job ended. `result` and `failure` are encoded; `failure` is there when the handler failed with the task's
 * declared error. `expired`: its time to start was over.
 * @category jobs
 * @since 0.1.0
 */
export type Ended =
  | { readonly _tag: "Completed"; readonly result?: string }
  | { readonly _tag: "Dead"; readonly reason: DeadReason; readonly error: string; readonly failure?: string }
  | { readonly _tag: "Cancelled"; readonly reason: string; readonly expired: boolean }

/** How many log lines a job keeps; older ones are dropped. */
export const maxLogLines = 100

/** How many ledger lines a job keeps; older ones are dropped. */
export const maxFailures = 20

/** Longest error text a ledger line keeps, in characters. */
export const maxErrorLength = 8192
