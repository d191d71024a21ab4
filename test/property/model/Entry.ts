import { assert } from "@effect/vitest"
import { isDeepStrictEqual } from "node:util"
import type { Ended, EpochMillis, Job, JobId, JobState, Token } from "../../../src/domain/Job.ts"
import type { NewJob } from "../../../src/ports/JobStore.ts"

/** What must be seen of a job, its place in the queue, and its token until a rescue or a redrive takes it back. */
export interface Entry {
  given: NewJob
  job: Job
  place: number
  token: Token | undefined
  /** Log lines, and how many of them whoever has the token has added. */
  log: { readonly lines: ReadonlyArray<string>; readonly token: Token | undefined; readonly added: number }
  /** The numbers of those who want to know of its end. */
  watchers: ReadonlySet<number>
}

export type Entries = ReadonlyArray<Entry>

type Instant = NonNullable<NewJob["visible"]>

export const resolve = (instant: Instant, now: EpochMillis): EpochMillis =>
  "at" in instant ? instant.at : now + instant.inMillis

/** What a job says of itself from its enqueue on. */
export const described = (given: NewJob, now: EpochMillis) => {
  const { expires, headers = {}, onDuplicate, tags = [], uniqueUntil, uniqueWindowMillis, visible, ...rest } = given
  return { ...rest, headers, tags, ...(expires === undefined ? {} : { expiresAt: resolve(expires, now) }) }
}

/** Whether the same id stands for the same job (ENQUEUE-3). */
export const isIdentical = (one: NewJob, other: NewJob): boolean => {
  const identity = ({ kind, maxAttempts, payload, priority, retainMillis, uniqueKey }: NewJob) =>
    [kind, maxAttempts, payload, priority, retainMillis, uniqueKey] as const
  return isDeepStrictEqual(identity(one), identity(other))
}

/** Leaves behind what belongs to one state alone. */
export const enter = (entry: Entry, state: JobState, changes: Partial<Job> = {}) => {
  const {
    cancelRequested,
    deadReason,
    failure,
    finishedAt,
    leaseExpiresAt,
    result,
    token,
    visibleAt,
    worker,
    ...rest
  } = entry.job
  entry.job = { ...rest, state, ...changes }
}

/** When its state ends by itself, or when it died. */
export const instant = ({ job }: Entry): EpochMillis =>
  job.visibleAt ?? job.leaseExpiresAt ?? (job.finishedAt ?? 0) + (job.state === "dead" ? 0 : job.retainMillis)

export const isExpired = ({ job }: Entry, now: EpochMillis): boolean => (job.expiresAt ?? Infinity) <= now

/** How an ended job ended. */
export const endedOf = ({ job }: Entry): Ended => {
  const { error = "", outcome } = job.failures.at(-1) ?? {}
  if (job.state === "completed")
    return { _tag: "Completed", ...(job.result === undefined ? {} : { result: job.result }) }
  if (job.state === "cancelled") return { _tag: "Cancelled", reason: error, expired: outcome === "expired" }
  return {
    _tag: "Dead",
    reason: job.deadReason!,
    error,
    ...(job.failure === undefined ? {} : { failure: job.failure })
  }
}

export const idsOf = (entries: Entries): ReadonlyArray<JobId> => entries.map(({ job }) => job.id)

export const instants = (entries: Entries) => entries.map(instant).toSorted((a, b) => a - b)

/** The chosen are the first `count` of the candidates; those of one instant may stand in any order. */
export const assertFirst = (chosen: Entries, candidates: Entries, count: number) => {
  for (const entry of chosen) assert.include(candidates, entry)
  assert.deepStrictEqual(instants(chosen), instants(candidates).slice(0, count))
}

export const assertSorted = (entries: Entries) => assert.deepStrictEqual(entries.map(instant), instants(entries))
