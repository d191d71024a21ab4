import { Metadata, status, type StatusObject } from "@grpc/grpc-js"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import { boundedText } from "../domain/bounded-text.ts"
import type { ApiError } from "./errors.ts"

/** Which code each failure has on the wire. */
const codeOf = {
  InvalidInput: status.INVALID_ARGUMENT,
  InvalidPayload: status.INVALID_ARGUMENT,
  PayloadTooLarge: status.INVALID_ARGUMENT,
  DuplicateJob: status.ALREADY_EXISTS,
  IdTaken: status.ALREADY_EXISTS,
  JobNotFound: status.NOT_FOUND,
  ScheduleExists: status.ALREADY_EXISTS,
  ScheduleMissing: status.NOT_FOUND,
  // it is there, and stays as it is until a newer server reads it
  ScheduleUnreadable: status.FAILED_PRECONDITION,
  WorkflowConflict: status.ALREADY_EXISTS,
  WorkflowMissing: status.NOT_FOUND,
  NodeNotFound: status.NOT_FOUND,
  OutOfTime: status.DEADLINE_EXCEEDED,
  // clients of the first seven calls know it as this; `winter-retryable` says whether to call again
  StoreError: status.INTERNAL,
  PartlyEnqueued: status.INTERNAL
} as const satisfies Record<ApiError["_tag"], status>

/** What the wire calls the options that have another name in the library. */
const fieldNames: Readonly<Record<string, string>> = {
  id: "job_id",
  maxAttempts: "max_retries",
  at: "scheduled_at",
  delay: "delay_ms",
  expires: "expires_in_ms",
  retention: "retention_ms",
  retentionFailed: "retention_failed_ms",
  deadline: "deadline_ms",
  every: "every_ms",
  workflow: "shape",
  lease: "lease_ms",
  "unique.window": "unique_period_ms"
}

const detailsOf = (verb: string, error: ApiError): string => {
  switch (error._tag) {
    case "InvalidInput":
      return `${fieldNames[error.field] ?? error.field} ${error.problem}`
    case "InvalidPayload":
    case "PayloadTooLarge":
    case "ScheduleUnreadable":
      return error.message
    case "DuplicateJob":
      return "duplicate job"
    case "IdTaken":
      return "another job has this job_id"
    case "JobNotFound":
      return "job not found"
    case "ScheduleExists":
      return "a schedule has this name"
    case "ScheduleMissing":
      return "schedule not found"
    case "WorkflowConflict":
      return "another workflow has this workflow_id"
    case "WorkflowMissing":
      return "workflow not found"
    case "NodeNotFound":
      return "the workflow has no such node"
    case "OutOfTime":
      return "the server allows no call to take this long"
    case "StoreError":
      // the cause may tell of addresses and users, and is for the log alone
      return `${verb}: the store is ${error.reason === "rejected" ? "refusing" : error.reason}`
    case "PartlyEnqueued":
      return `${detailsOf(verb, error.cause)}; ${error.stored.length} of the jobs are stored`
  }
}

/** Whether a call that failed may be repeated, for clients that look. */
const metadataOf = (error: ApiError): Metadata => {
  const metadata = new Metadata()
  const store = error._tag === "PartlyEnqueued" ? error.cause : error
  if (store._tag === "StoreError") metadata.set("winter-retryable", String(store.retryable))
  return metadata
}

/** They travel in a header; one that is too long ends the connection, and every call on it. */
const maxDetails = 1000

/** What the client is told of a failed call. Of a bug it learns nothing but that there was one. */
export const statusOf = (verb: string, cause: Cause.Cause<ApiError>, stopping: boolean): StatusObject => {
  const error = Cause.findErrorOption(cause)
  if (Option.isSome(error)) {
    const { value } = error
    return {
      code: codeOf[value._tag],
      details: boundedText(detailsOf(verb, value), maxDetails),
      metadata: metadataOf(value)
    }
  }
  const metadata = new Metadata()
  if (!Cause.hasInterruptsOnly(cause)) return { code: status.INTERNAL, details: `${verb}: internal error`, metadata }
  return stopping
    ? { code: status.UNAVAILABLE, details: "the server is stopping", metadata }
    : { code: status.CANCELLED, details: "cancelled", metadata }
}
