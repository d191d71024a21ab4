import * as Schema from "effect/Schema"
import { DeadReason } from "../../domain/Job.ts"
import { StoreError } from "../../ports/StoreError.ts"

/**
 * The payload does not fit the task's schema. Nothing was stored.
 * @category errors
 * @since 0.1.0
 */
export class InvalidPayload extends Schema.TaggedError<InvalidPayload>()("InvalidPayload", {
  kind: Schema.String,
  /** What does not fit, and where. */
  problem: Schema.String
}) {
  override get message(): string {
    return `payload of ${this.kind}: ${this.problem}`
  }
}

/**
 * The encoded payload exceeds the client's limit. Nothing was stored.
 * @category errors
 * @since 0.1.0
 */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()("PayloadTooLarge", {
  kind: Schema.String,
  bytes: Schema.Int,
  limit: Schema.Int
}) {
  override get message(): string {
    return `payload of ${this.kind} has ${this.bytes} bytes, the limit is ${this.limit}; store it elsewhere and enqueue a reference`
  }
}

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
 * The awaited job was cancelled since an attempt, the first or a retry, was to start after its expiry.
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
    return `job ${this.jobId} is not stored, or not any more: jobs of a task without success are kept for their retention only`
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

/**
 * Some shards of a sharded queue stored their part of an `enqueueMany`, and others did not answer. Of the `missing` jobs
 * nothing is known: repeat the call with the same ids, and those that are stored already are `existing`.
 * @category errors
 * @since 0.1.0
 */
export class PartlyEnqueued extends Schema.TaggedError<PartlyEnqueued>()("PartlyEnqueued", {
  kind: Schema.String,
  /** What became of the others, in the order of the payloads; `place` counts them from 0. */
  stored: Schema.Array(
    Schema.Struct({
      place: Schema.Int,
      id: Schema.String,
      queue: Schema.String,
      outcome: Schema.Literals(["enqueued", "existing", "conflict", "duplicate", "replaced"])
    })
  ),
  /** The jobs of the shards that gave no answer, and the ids they had. */
  missing: Schema.Array(Schema.Struct({ place: Schema.Int, id: Schema.String, queue: Schema.String })),
  /** What the first such shard failed with. */
  cause: StoreError
}) {
  override get message(): string {
    const all = this.stored.length + this.missing.length
    return `${this.stored.length} of ${all} ${this.kind} were stored, of the others nothing is known: ${this.cause.message}`
  }
}
