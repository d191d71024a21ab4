import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { EnqueueOutcome, JobStore } from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import type { Batch } from "./Batch.ts"
import { PartlyEnqueued } from "./errors.ts"
import { storedAs } from "./stored-as.ts"

const handlesOf = ({ jobs, places, queue }: Batch, outcomes: ReadonlyArray<EnqueueOutcome>) =>
  outcomes.map((outcome, i) => ({ ...storedAs(jobs[i]!.id, outcome), queue, place: places[i]! }))

/**
 * Stores each batch in one step, all at the same time; what became of the jobs is told in the order of the call.
 *
 * **Errors** `StoreError` when nothing is known to be stored; `PartlyEnqueued` when some batches are.
 */
export const storeBatches = Effect.fnUntraced(function* (
  store: JobStore["Service"],
  kind: string,
  batches: ReadonlyArray<Batch>
) {
  if (batches.length === 1) {
    const batch = batches[0]!
    return handlesOf(batch, yield* store.enqueue(batch.queue, batch.jobs))
  }
  const results = yield* Effect.forEach(
    batches,
    (batch) =>
      Effect.result(Effect.map(store.enqueue(batch.queue, batch.jobs), (outcomes) => handlesOf(batch, outcomes))),
    { concurrency: "unbounded" }
  )
  const stored = results.flatMap(Result.getOrElse(() => [])).toSorted((a, b) => a.place - b.place)
  const failures = results.flatMap((result): ReadonlyArray<StoreError> =>
    Result.isFailure(result) ? [result.failure] : []
  )
  const cause = failures[0]
  if (cause === undefined) return stored
  if (stored.length === 0) return yield* Effect.fail(cause)
  const missing = batches
    .filter((_, i) => Result.isFailure(results[i]!))
    .flatMap(({ jobs, places, queue }) => jobs.map(({ id }, i) => ({ place: places[i]!, id, queue })))
    .toSorted((a, b) => a.place - b.place)
  return yield* Effect.fail(new PartlyEnqueued({ kind, stored, missing, cause }))
})
