import * as Schema from "effect/Schema"
import { DeadReason } from "../../domain/Job.ts"

/**
 * The awaited job is a dead letter, and did not die of its task's declared error.
 * @category errors
 * @since 0.1.0
 */
export class JobDead extends Schema.TaggedError<JobDead>()("JobDead", {
  jobId: Schema.String,
  reason: DeadReason,
  /** What the last attempt reported. */
  error: Schema.String
}) {
  override get message(): string {
    return `job ${this.jobId} is dead (${this.reason}): ${this.error}`
  }
}

/**
 * The awaited job was cancelled.
 * @category errors
 * @since 0.1.0
 */
export class JobCancelled extends Schema.TaggedError<JobCancelled>()("JobCancelled", {
  jobId: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `job ${this.jobId} was cancelled: ${this.reason}`
  }
}

/**
 * No attempt of the awaited job had started by its expiry.
 * @category errors
 * @since 0.1.0
 */
export class JobExpired extends Schema.TaggedError<JobExpired>()("JobExpired", { jobId: Schema.String }) {
  override get message(): string {
    return `job ${this.jobId} expired before it was started`
  }
}

/**
 * The awaited job is not stored: it never was, or it has ended and nothing of it is kept.
 * @category errors
 * @since 0.1.0
 */
export class JobMissing extends Schema.TaggedError<JobMissing>()("JobMissing", { jobId: Schema.String }) {
  override get message(): string {
    return `job ${this.jobId} is not stored, or not any more`
  }
}

/**
 * The stored result does not fit the task's schema: it was written by another version of the task.
 * @category errors
 * @since 0.1.0
 */
export class InvalidResult extends Schema.TaggedError<InvalidResult>()("InvalidResult", {
  jobId: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `the result of job ${this.jobId} cannot be decoded: ${this.problem}`
  }
}
