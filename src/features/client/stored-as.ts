import type { JobId } from "../../domain/Job.ts"
import type { EnqueueOutcome as Outcome } from "../../ports/JobStore.ts"

/**
 * What became of an enqueue.
 *
 * `enqueued`: stored. `existing`: the same job was stored before under this id. `conflict`: another job was stored
 * before under this id, and was left as it is. `duplicate`: another job, whose id this is, holds the unique key.
 * `replaced`: that other job, whose id this is, still waited, and now is this one.
 */
export type EnqueueOutcome = "enqueued" | "existing" | "conflict" | "duplicate" | "replaced"

/**
 * The job that is stored now, and how it got there, for one that was to be stored under an id. `isFresh`: one that
 * was drawn for this job, so that a job like it that is found there is this one, of a request whose answer was lost.
 */
export const storedAs = (
  id: JobId,
  outcome: Outcome,
  isFresh: boolean
): { readonly id: JobId; readonly outcome: EnqueueOutcome } => {
  switch (outcome._tag) {
    case "Enqueued":
      return { id, outcome: "enqueued" }
    case "Existing":
      return { id, outcome: outcome.identical ? (isFresh ? "enqueued" : "existing") : "conflict" }
    case "Duplicate":
      return { id: outcome.of, outcome: "duplicate" }
    case "Replaced":
      return { id: outcome.of, outcome: "replaced" }
    case "Late":
      throw new Error("only a member of a workflow can come too late")
  }
}
