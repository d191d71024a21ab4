import * as Effect from "effect/Effect"
import type { Job, JobId } from "../../domain/Job.ts"
import { DeadLetterStore, type RedriveOutcome } from "../../ports/DeadLetterStore.ts"
import { type JobPage, QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"

/** Jobs looked at by one step of a bulk action, so that no step holds up the store. */
const stepJobs = 500

/**
 * Lists dead letters, newest death first.
 *
 * **Shape** A page and, when there may be more, the cursor of the next.
 * **Units** `limit` from 1 to 1000 jobs, 50 when left out.
 * **Ref** docs/semantics.md DEAD-1, LIST-1, LIST-2
 * @category queues
 * @since 0.1.0
 */
export const list = (
  queue: string,
  options: { readonly cursor?: string; readonly limit?: number } = {}
): Effect.Effect<JobPage, StoreError, QueueControl> =>
  QueueControl.use((control) => control.list({ queue, state: "dead", limit: 50, ...options }))

/** The job that died last, if any is dead. */
export const peek = (queue: string): Effect.Effect<Job | undefined, StoreError, QueueControl> =>
  Effect.map(list(queue, { limit: 1 }), (page) => page.jobs[0])

/** How many jobs are dead. */
export const count = (queue: string): Effect.Effect<number, StoreError, QueueControl> =>
  QueueControl.use((control) => Effect.map(control.depths(queue), (depths) => depths.dead))

/**
 * Gives dead jobs a new start: attempts from zero, at the end of their priority.
 *
 * **Shape** One outcome per id: `redriven`, `not-dead`, or `key-taken` when another job holds its unique key.
 * **Ref** docs/semantics.md DEAD-2, UNIQUE-4
 * @category queues
 * @since 0.1.0
 */
export const redrive = (
  queue: string,
  jobIds: ReadonlyArray<JobId>
): Effect.Effect<
  ReadonlyArray<{ readonly jobId: JobId; readonly outcome: RedriveOutcome }>,
  StoreError,
  DeadLetterStore
> =>
  DeadLetterStore.use((store) =>
    Effect.map(
      Effect.forEach(chunks(jobIds), (ids) => store.redrive(queue, { jobIds: ids })),
      (replies) => replies.flat()
    )
  )

/**
 * Gives every job that is dead now a new start, oldest first, in bounded steps.
 *
 * **Shape** How many were redriven. Jobs whose unique key is held by another stay dead, and those that die
 * meanwhile may be redriven too.
 * **Errors** `StoreError`: those redriven so far stay so.
 */
export const redriveAll = (queue: string): Effect.Effect<number, StoreError, DeadLetterStore | QueueControl> =>
  Effect.gen(function* () {
    const store = yield* DeadLetterStore
    let left = yield* count(queue)
    let redriven = 0
    let skip = 0
    while (left > 0) {
      const step = yield* store.redrive(queue, { oldest: Math.min(left, stepJobs), skip })
      if (step.length === 0) break
      const moved = step.filter(({ outcome }) => outcome === "redriven").length
      redriven += moved
      // those that stay dead stand in front of the next step
      skip += step.filter(({ outcome }) => outcome === "key-taken").length
      left -= step.length
    }
    return redriven
  })

/** Removes dead jobs for good; answers how many of them were dead. **Ref** DEAD-4 */
export const purge = (
  queue: string,
  jobIds: ReadonlyArray<JobId>
): Effect.Effect<number, StoreError, DeadLetterStore> =>
  DeadLetterStore.use((store) =>
    Effect.map(
      Effect.forEach(chunks(jobIds), (ids) => store.purge(queue, { jobIds: ids })),
      (counts) => counts.reduce((sum, removed) => sum + removed, 0)
    )
  )

/** Removes every job that is dead now, in bounded steps; answers how many. */
export const purgeAll = (queue: string): Effect.Effect<number, StoreError, DeadLetterStore | QueueControl> =>
  Effect.gen(function* () {
    const store = yield* DeadLetterStore
    let left = yield* count(queue)
    let purged = 0
    while (left > 0) {
      const removed = yield* store.purge(queue, { oldest: Math.min(left, stepJobs) })
      if (removed === 0) break
      purged += removed
      left -= removed
    }
    return purged
  })

const chunks = <A>(values: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(values.length / stepJobs) }, (_, i) => values.slice(i * stepJobs, (i + 1) * stepJobs))
