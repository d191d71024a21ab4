import type { DeadReason } from "../../domain/Job.ts"
import type { ClaimedJob, SettleOutcome, Settlement } from "../../ports/JobStore.ts"

/** How it was noticed that an attempt's outcome does not count. */
export type Noticed = "while running" | "when settling"

/** How an attempt ended, as log, metrics and hooks tell it. */
export type Ending =
  | { readonly outcome: "completed" }
  | { readonly outcome: "retry"; readonly error: string; readonly delayMillis: number }
  | { readonly outcome: "dead" | "undecodable"; readonly reason: DeadReason; readonly error: string }
  | { readonly outcome: "cancelled"; readonly reason: string }
  | { readonly outcome: "snoozed"; readonly delayMillis: number }
  | { readonly outcome: "released" | "no_handler"; readonly delayMillis: number }
  | { readonly outcome: "lease_lost"; readonly noticed: Noticed }

/** When the notice that tells the reason was lost; it is in the job's ledger. */
const askedToStop = "it was asked to stop"

/**
 * What the store made of a settlement. `isKnown`: whether this worker has a handler for the job's kind. `cancelReason`:
 * why somebody cancels it, as far as a notice has told.
 */
export const endingOf = (
  settlement: Settlement,
  answer: SettleOutcome,
  { attempt, maxAttempts }: ClaimedJob,
  isKnown: boolean,
  cancelReason: string = askedToStop
): Ending => {
  const { _tag } = settlement
  // a job that is gone was completed or cancelled by this very settlement, or is somebody else's business now
  if (answer === "stale" || (answer === "gone" && _tag !== "Complete" && _tag !== "Cancel")) {
    return { outcome: "lease_lost", noticed: "when settling" }
  }
  if (answer === "cancelled") return { outcome: "cancelled", reason: cancelReason }
  switch (settlement._tag) {
    case "Complete":
      return { outcome: "completed" }
    case "Retry": {
      const { delayMillis, error } = settlement
      // a lost reply hides what the first call did; the attempts do not
      const died = answer === "died" || (answer === "repeated" && attempt >= maxAttempts)
      return died ? { outcome: "dead", reason: "exhausted", error } : { outcome: "retry", error, delayMillis }
    }
    case "Bury": {
      const { error, reason } = settlement
      return { outcome: reason === "undecodable" ? "undecodable" : "dead", reason, error }
    }
    case "Cancel":
      return { outcome: "cancelled", reason: settlement.reason }
    case "Snooze":
      return { outcome: "snoozed", delayMillis: settlement.delayMillis }
    case "Release":
      return { outcome: isKnown ? "released" : "no_handler", delayMillis: settlement.delayMillis }
  }
}
