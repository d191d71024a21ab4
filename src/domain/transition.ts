import * as Data from "effect/Data"
import * as Result from "effect/Result"
import type { JobState } from "./Job.ts"

/** What can happen to a job. Delays are milliseconds; `skipRetry` gives up whatever attempts are left. */
export type JobEvent =
  | { readonly _tag: "Promote" }
  | { readonly _tag: "Claim" }
  | { readonly _tag: "Complete" }
  | { readonly _tag: "Fail"; readonly skipRetry: boolean }
  | { readonly _tag: "Snooze" }
  | { readonly _tag: "Release"; readonly delayMillis: number }
  | { readonly _tag: "Rescue" }
  | { readonly _tag: "Cancel" }
  | { readonly _tag: "Redrive" }

/** The part of a job that decides what may happen to it. */
export interface Progress {
  readonly state: JobState
  /** Attempts counted so far. */
  readonly attempt: number
  readonly maxAttempts: number
}

/** The event does not apply to a job in this state. */
export class IllegalTransition extends Data.TaggedError("IllegalTransition")<{
  readonly from: JobState
  readonly event: JobEvent["_tag"]
}> {}

const table: Readonly<Record<JobState, ReadonlyArray<JobState>>> = {
  scheduled: ["pending", "cancelled"],
  pending: ["active", "cancelled"],
  active: ["completed", "retry", "dead", "cancelled", "scheduled", "pending"],
  retry: ["pending", "cancelled"],
  dead: ["pending"],
  completed: [],
  cancelled: []
}

/**
 * Tells whether a job may go from one state to another in one step.
 *
 * **Ref** docs/states.md
 * @category jobs
 * @since 0.1.0
 */
export const validTransition = (from: JobState, to: JobState): boolean => table[from].includes(to)

/**
 * No event leads out of a final state, except that a dead letter can be redriven.
 * @category jobs
 * @since 0.1.0
 */
export const isFinal = (state: JobState): boolean => state === "completed" || state === "cancelled" || state === "dead"

/**
 * Decides what an event makes of a job: its next state and its attempt count, or that the event is illegal.
 *
 * **Shape** A failure or rescue with no attempts left buries the job; release and snooze give the attempt back.
 * **Errors** `IllegalTransition`: the job stays as it is.
 * **Ref** docs/semantics.md ATTEMPT-1..5
 * @category jobs
 * @since 0.1.0
 */
export const transition = (job: Progress, event: JobEvent): Result.Result<Progress, IllegalTransition> => {
  const to = (state: JobState, attempt = job.attempt) => Result.succeed({ ...job, state, attempt })
  const illegal = () => Result.fail(new IllegalTransition({ from: job.state, event: event._tag }))
  const exhausted = job.attempt >= job.maxAttempts
  if (event._tag === "Cancel") return isFinal(job.state) ? illegal() : to("cancelled")
  switch (job.state) {
    case "scheduled":
    case "retry":
      return event._tag === "Promote" ? to("pending") : illegal()
    case "pending":
      return event._tag === "Claim" ? to("active", job.attempt + 1) : illegal()
    case "active":
      switch (event._tag) {
        case "Complete":
          return to("completed")
        case "Fail":
          return to(event.skipRetry || exhausted ? "dead" : "retry")
        case "Snooze":
          return to("scheduled", job.attempt - 1)
        case "Release":
          return to(event.delayMillis > 0 ? "scheduled" : "pending", job.attempt - 1)
        case "Rescue":
          return to(exhausted ? "dead" : "pending")
        case "Promote":
        case "Claim":
        case "Redrive":
          return illegal()
      }
    // oxlint-disable-next-line no-fallthrough -- every case of the inner switch returns
    case "dead":
      return event._tag === "Redrive" ? to("pending", 0) : illegal()
    case "completed":
    case "cancelled":
      return illegal()
  }
}
