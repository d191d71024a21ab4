import * as Effect from "effect/Effect"
import type { JobId } from "../../domain/Job.ts"
import { StoreError } from "../../ports/StoreError.ts"

const shown = (ids: ReadonlyArray<JobId>): string =>
  ids
    .slice(0, 20)
    .map((id) => JSON.stringify(id.slice(0, 128)))
    .join(", ")

/** Says which records cannot be read. They are left as they are, for somebody to look at. */
export const warnUnreadable = (queue: string, ids: ReadonlyArray<JobId>): Effect.Effect<void> =>
  Effect.logError(
    `queue ${queue}: ${ids.length} records are missing or not of this library's making, changed by something else: ${shown(ids)}`
  )

/** The answer to a question about one record that cannot be read. */
export const unreadable = (operation: string, what: string): StoreError =>
  new StoreError({
    operation,
    reason: "rejected",
    retryable: false,
    cause: new Error(`${what} is not of this library's making, changed by something else`)
  })
