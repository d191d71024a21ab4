import * as Schema from "effect/Schema"
import type { InvalidInput } from "../domain/limits.ts"
import type { InvalidPayload, PartlyEnqueued, PayloadTooLarge } from "../features/client/Client.ts"
import type { ScheduleExists, ScheduleMissing, ScheduleUnreadable } from "../features/schedules/Schedules.ts"
import type { WorkflowConflict, WorkflowMissing } from "../features/workflows/Workflows.ts"
import type { StoreError } from "../ports/StoreError.ts"

/**
 * The server cannot listen: the address is taken or not of this machine, or its certificate and key do not fit.
 * @category errors
 * @since 0.1.0
 */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  address: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `cannot listen on ${this.address}: ${this.problem}`
  }
}

/** Another job holds the unique key. */
export class DuplicateJob extends Schema.TaggedError<DuplicateJob>()("DuplicateJob", {}) {}

/** Another job was stored before under the id. */
export class IdTaken extends Schema.TaggedError<IdTaken>()("IdTaken", {}) {}

export class JobNotFound extends Schema.TaggedError<JobNotFound>()("JobNotFound", {}) {}

/** The workflow has fewer nodes. */
export class NodeNotFound extends Schema.TaggedError<NodeNotFound>()("NodeNotFound", {}) {}

/** The call took longer than the server allows. */
export class OutOfTime extends Schema.TaggedError<OutOfTime>()("OutOfTime", {}) {}

/** Everything that a call can fail with. */
export type ApiError =
  | InvalidInput
  | InvalidPayload
  | PayloadTooLarge
  | DuplicateJob
  | IdTaken
  | JobNotFound
  | ScheduleExists
  | ScheduleMissing
  | ScheduleUnreadable
  | WorkflowConflict
  | WorkflowMissing
  | NodeNotFound
  | OutOfTime
  | PartlyEnqueued
  | StoreError
