import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { JobId } from "../domain/Job.ts"
import type { StoreError } from "./StoreError.ts"

/** Which dead letters: these, or the oldest up to a count, after skipping some. */
export type DeadSelection =
  | { readonly jobIds: ReadonlyArray<JobId> }
  | { readonly oldest: number; readonly skip?: number }

/** Per job: `redriven`, `not-dead` (unknown, or in another state), or `key-taken` (another job holds its unique key). */
export type RedriveOutcome = "redriven" | "not-dead" | "key-taken"

/**
 * Acts on dead letters. They are read through `QueueControl.list` with state `dead`.
 *
 * @category queues
 * @since 0.1.0
 */
export class DeadLetterStore extends Context.Service<
  DeadLetterStore,
  {
    /**
     * Starts a new generation of dead jobs: attempts from zero, at the end of their priority. Callers name at most 1000
     * a call, so that none takes long.
     *
     * **Shape** One outcome per job looked at, in order.
     * **Ref** DEAD-2, DEAD-3, UNIQUE-4
     */
    readonly redrive: (
      queue: string,
      selection: DeadSelection
    ) => Effect.Effect<ReadonlyArray<{ readonly jobId: JobId; readonly outcome: RedriveOutcome }>, StoreError>
    /** Removes dead jobs; answers how many. Callers name at most 1000 a call. **Ref** DEAD-4 */
    readonly purge: (queue: string, selection: DeadSelection) => Effect.Effect<number, StoreError>
  }
>()("winterq/ports/DeadLetterStore") {}
