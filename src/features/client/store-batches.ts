import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { JobId } from "../../domain/Job.ts"
import type { EnqueueOutcome as Outcome, JobStore } from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import type { Batch } from "./Batch.ts"
import { PartlyEnqueued } from "./errors.ts"
import { type EnqueueOutcome, storedAs } from "./stored-as.ts"

interface Stored<T> {
  readonly id: JobId
  readonly queue: string
  readonly task: T
  readonly outcome: EnqueueOutcome
}

const storedIn = <T>(
  task: T,
  { areFresh, jobs, queue }: Batch,
  outcomes: ReadonlyArray<Outcome>
): ReadonlyArray<Stored<T>> =>
  outcomes.map((outcome, i) => {
    const { id, outcome: became } = storedAs(jobs[i]!.id, outcome, areFresh[i]!)
    return { id, outcome: became, queue, task }
  })

/** Stores one batch in one step, and tells what became of its jobs, in order. */
export const storeBatch = <T>(
  store: JobStore["Service"],
  task: T,
  batch: Batch
): Effect.Effect<ReadonlyArray<Stored<T>>, StoreError> =>
  Effect.map(store.enqueue(batch.queue, batch.jobs), (outcomes) => storedIn(task, batch, outcomes))

const inOrder = <A extends { readonly place: number }>(placed: ReadonlyArray<A>): ReadonlyArray<A> =>
  placed.toSorted((a, b) => a.place - b.place)

/**
 * Stores each batch in one step, all at the same time; what became of the jobs is told in the order of the call.
 *
 * **Errors** `StoreError` when nothing is known to be stored; `PartlyEnqueued` when some batches are.
 * **Ref** docs/semantics.md SHARD-4
 */
export const storeBatches = <T extends { readonly kind: string }>(
  store: JobStore["Service"],
  task: T,
  batches: ReadonlyArray<Batch>
): Effect.Effect<ReadonlyArray<Stored<T>>, StoreError | PartlyEnqueued> =>
  batches.length === 1 ? storeBatch(store, task, batches[0]!) : storeSeveral(store, task, batches)

const storeSeveral = Effect.fnUntraced(function* <T extends { readonly kind: string }>(
  store: JobStore["Service"],
  task: T,
  batches: ReadonlyArray<Batch>
) {
  const replies = yield* Effect.forEach(batches, (batch) => Effect.result(storeBatch(store, task, batch)), {
    concurrency: "unbounded"
  })
  const stored = inOrder(
    replies.flatMap((reply, b) =>
      Result.isSuccess(reply) ? reply.success.map((handle, i) => ({ handle, place: batches[b]!.places[i]! })) : []
    )
  )
  const failures = replies.flatMap((reply): ReadonlyArray<StoreError> =>
    Result.isFailure(reply) ? [reply.failure] : []
  )
  const cause = failures[0]
  if (cause === undefined) return stored.map(({ handle }) => handle)
  if (stored.length === 0) return yield* Effect.fail(cause)
  const missing = batches
    .filter((_, b) => Result.isFailure(replies[b]!))
    .flatMap(({ jobs, places, queue }) => jobs.map(({ id }, i) => ({ place: places[i]!, id, queue })))
  return yield* Effect.fail(
    new PartlyEnqueued({
      kind: task.kind,
      stored: stored.map(({ handle: { id, outcome, queue }, place }) => ({ place, id, queue, outcome })),
      missing: inOrder(missing),
      cause
    })
  )
})
