import * as Effect from "effect/Effect"
import type { DeadReason, EpochMillis, Job, JobId } from "../../domain/Job.ts"
import type { AnyQueue } from "../../domain/Sharded.ts"
import { DeadLetterStore, type RedriveOutcome } from "../../ports/DeadLetterStore.ts"
import { type JobPage, QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import * as FilteredPage from "../inspector/FilteredPage.ts"
import { mergedPage } from "./merged-page.ts"
import { bulk, type BulkOptions, type BulkReport, type Pages, partsOf, stepJobs } from "./bulk.ts"

export type { BulkOptions, BulkReport } from "./bulk.ts"

/** Dead letters one filtered page looks at, unless it is told. */
const scanJobs = 1000

/** Which dead letters. What is left out does not matter; what is there must all hold. */
export interface Filter {
  readonly kind?: string
  readonly reason?: DeadReason
  /** The error of its last attempt has this text in it, letter by letter. */
  readonly errorIncludes?: string
  readonly tag?: string
  /** It died before this instant, by the store's clock; an instant that is no number matches nothing. */
  readonly diedBefore?: Date | EpochMillis
  /** It died at this instant or later. */
  readonly diedAfter?: Date | EpochMillis
}

/**
 * Lists dead letters, newest death first, of a sharded queue those of all its shards together.
 *
 * **Shape** A page and, when there may be more, the cursor of the next.
 * **Units** `limit` from 1 to 1000 jobs, 50 when left out.
 * **Ref** docs/semantics.md DEAD-1, LIST-1, LIST-2, SHARD-14
 * @category queues
 * @since 0.1.0
 */
export const list = (
  queue: AnyQueue,
  { cursor, limit = 50 }: { readonly cursor?: string | undefined; readonly limit?: number } = {}
): Effect.Effect<JobPage, StoreError, QueueControl> =>
  QueueControl.use((control) => {
    const read = (shard: string, from: string | undefined, most: number) =>
      control.list({ queue: shard, state: "dead", limit: most, ...(from === undefined ? {} : { cursor: from }) })
    if (typeof queue === "string") return read(queue, cursor, FilteredPage.within(limit, 1000))
    const pages: Pages = (shard, at) =>
      Effect.map(read(shard, at.cursor, at.limit), (page) => ({ ...page, looked: page.jobs.length }))
    return Effect.map(
      mergedPage(queue, pages, { cursor, limit: FilteredPage.within(limit, 1000) }),
      ({ looked: _, ...page }) => page
    )
  })

/**
 * The job that died last, if any is dead.
 * @category queues
 * @since 0.1.0
 */
export const peek = (queue: AnyQueue): Effect.Effect<Job | undefined, StoreError, QueueControl> =>
  Effect.map(list(queue, { limit: 1 }), (page) => page.jobs[0])

/** Over the queue, or its shards one after the other. */
const sumOver = <E, R>(queue: AnyQueue, of: (shard: string) => Effect.Effect<number, E, R>) =>
  Effect.flatMap(partsOf(queue), (shards) =>
    Effect.map(Effect.forEach(shards, of), (counts) => counts.reduce((sum, one) => sum + one, 0))
  )

/**
 * How many jobs are dead. **Ref** SHARD-14
 * @category queues
 * @since 0.1.0
 */
export const count = (queue: AnyQueue): Effect.Effect<number, StoreError, QueueControl> =>
  QueueControl.use((control) => sumOver(queue, (shard) => Effect.map(control.depths(shard), ({ dead }) => dead)))

/** What became of an id that was to be redriven. */
export interface Redriven {
  readonly jobId: JobId
  readonly outcome: RedriveOutcome
}

const outcomes: ReadonlyArray<RedriveOutcome> = ["not-dead", "key-taken", "redriven"]

/** Of an id of which each shard may have a job. */
const furthest = (one: Redriven, other: Redriven): Redriven =>
  outcomes.indexOf(other.outcome) > outcomes.indexOf(one.outcome) ? other : one

/**
 * Gives dead jobs a new start: attempts from zero, at the end of their priority.
 *
 * **Shape** One outcome per id: `redriven`, `not-dead`, or `key-taken` when another job holds its unique key.
 * **Ref** docs/semantics.md DEAD-2, UNIQUE-4, SHARD-14
 * @category queues
 * @since 0.1.0
 */
export const redrive = (
  queue: AnyQueue,
  jobIds: ReadonlyArray<JobId>
): Effect.Effect<ReadonlyArray<Redriven>, StoreError, DeadLetterStore> =>
  DeadLetterStore.use((store) =>
    Effect.map(
      Effect.flatMap(
        partsOf(queue),
        Effect.forEach((shard) =>
          Effect.map(
            Effect.forEach(chunks(jobIds), (ids) => store.redrive(shard, { jobIds: ids })),
            (replies) => replies.flat()
          )
        )
      ),
      (shards) => shards.reduce((all, shard) => all.map((reply, i) => furthest(reply, shard[i]!)))
    )
  )

/**
 * Gives every job that is dead now a new start, oldest first, in bounded steps; shard after shard.
 *
 * **Shape** How many were redriven. Jobs whose unique key is held by another stay dead, and those that die
 * meanwhile may be redriven too.
 * **Errors** `StoreError`: those redriven so far stay so.
 */
export const redriveAll = (queue: AnyQueue): Effect.Effect<number, StoreError, DeadLetterStore | QueueControl> =>
  sumOver(queue, redriveOne)

const redriveOne = (queue: string): Effect.Effect<number, StoreError, DeadLetterStore | QueueControl> =>
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

/**
 * Removes dead jobs for good; answers how many of them were dead. **Ref** DEAD-4, SHARD-14
 * @category queues
 * @since 0.1.0
 */
export const purge = (
  queue: AnyQueue,
  jobIds: ReadonlyArray<JobId>
): Effect.Effect<number, StoreError, DeadLetterStore> =>
  DeadLetterStore.use((store) =>
    sumOver(queue, (shard) =>
      Effect.map(
        Effect.forEach(chunks(jobIds), (ids) => store.purge(shard, { jobIds: ids })),
        (counts) => counts.reduce((sum, removed) => sum + removed, 0)
      )
    )
  )

/**
 * Removes every job that is dead now, in bounded steps, shard after shard; answers how many.
 * @category queues
 * @since 0.1.0
 */
export const purgeAll = (queue: AnyQueue): Effect.Effect<number, StoreError, DeadLetterStore | QueueControl> =>
  sumOver(queue, purgeOne)

const purgeOne = (queue: string): Effect.Effect<number, StoreError, DeadLetterStore | QueueControl> =>
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

/**
 * Lists the dead letters that match a filter, newest death first, of a sharded queue those of all its shards together.
 *
 * **Shape** Looks at 1000 or `scan` of a queue or shard at most; a page may hold fewer than `limit`, or none, and still
 * have a `cursor`.
 * **Units** `limit` from 1 to 1000 jobs, 50 when left out; `scan` from 1 to 10 000.
 * **Ref** docs/semantics.md INSPECT-4, INSPECT-8, SHARD-14
 * @category queues
 * @since 0.1.0
 */
export const listWhere = (
  queue: AnyQueue,
  filter: Filter,
  options: { readonly cursor?: string | undefined; readonly limit?: number; readonly scan?: number } = {}
): Effect.Effect<FilteredPage.FilteredPage, StoreError, QueueControl> => {
  const limit = FilteredPage.within(options.limit ?? 50, 1000)
  const pages = pagesOf(filter, options.scan)
  return typeof queue === "string"
    ? pages(queue, { cursor: options.cursor, limit })
    : mergedPage(queue, pages, { cursor: options.cursor, limit })
}

/**
 * Gives the dead jobs that match a filter a new start, newest death first and shard after shard, in steps of 500 at
 * most.
 *
 * **Shape** What was looked at, matched, redriven and skipped. Jobs that die meanwhile are not looked at. With a
 * `limit` there is a `cursor` to go on from.
 * **Errors** `StoreError`: those redriven so far stay so; go on from the `cursor` that `onProgress` was told last.
 * **Ref** docs/semantics.md INSPECT-8..10, UNIQUE-4, SHARD-14
 * @category queues
 * @since 0.1.0
 */
export const redriveWhere = (
  queue: AnyQueue,
  filter: Filter,
  options: BulkOptions = {}
): Effect.Effect<BulkReport, StoreError, DeadLetterStore | QueueControl> =>
  DeadLetterStore.use((store) =>
    bulk(queue, pagesOf(filter), options, (shard, jobIds) =>
      Effect.map(store.redrive(shard, { jobIds }), (replies) => {
        const of = (wanted: RedriveOutcome) => replies.filter(({ outcome }) => outcome === wanted).length
        return { done: of("redriven"), "not-dead": of("not-dead"), "key-taken": of("key-taken") }
      })
    )
  )

/**
 * Removes the dead jobs that match a filter for good, newest death first and shard after shard, in steps of 500 at most.
 *
 * **Shape** and **Errors** as `redriveWhere`.
 * **Ref** docs/semantics.md INSPECT-8..10, SHARD-14
 * @category queues
 * @since 0.1.0
 */
export const purgeWhere = (
  queue: AnyQueue,
  filter: Filter,
  options: BulkOptions = {}
): Effect.Effect<BulkReport, StoreError, DeadLetterStore | QueueControl> =>
  DeadLetterStore.use((store) =>
    bulk(queue, pagesOf(filter), options, (shard, jobIds) =>
      Effect.map(store.purge(shard, { jobIds }), (done) => ({
        done,
        "not-dead": jobIds.length - done,
        "key-taken": 0
      }))
    )
  )

/** A filter's dead letters, a page at a time. */
const pagesOf =
  (filter: Filter, scan = scanJobs): Pages =>
  (queue, { cursor, limit }) =>
    QueueControl.use((control) =>
      FilteredPage.read(
        control,
        { ...{ queue, state: "dead", cursor, limit }, scan: FilteredPage.within(scan, 10_000) },
        matcher(filter)
      )
    )

const matcher = (filter: Filter): ((job: Job) => boolean) => {
  const { errorIncludes, kind, reason, tag } = filter
  const before = filter.diedBefore === undefined ? Number.POSITIVE_INFINITY : Number(filter.diedBefore)
  const after = filter.diedAfter === undefined ? Number.NEGATIVE_INFINITY : Number(filter.diedAfter)
  return (job) =>
    (kind === undefined || job.kind === kind) &&
    (reason === undefined || job.deadReason === reason) &&
    (tag === undefined || job.tags.includes(tag)) &&
    (errorIncludes === undefined || (job.failures.at(-1)?.error.includes(errorIncludes) ?? false)) &&
    (job.finishedAt ?? 0) < before &&
    (job.finishedAt ?? 0) >= after
}

const chunks = <A>(values: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(values.length / stepJobs) }, (_, i) => values.slice(i * stepJobs, (i + 1) * stepJobs))
