import * as Result from "effect/Result"
import type { EpochMillis, JobId, JobState } from "../../domain/Job.ts"
import { parsePlace, type Place } from "../../ports/checks.ts"
import type { DeadSelection, RedriveOutcome } from "../../ports/DeadLetterStore.ts"
import type { Depths, JobPage, ListRequest } from "../../ports/QueueControl.ts"
import { makeVisible, promoteOne } from "./lifecycle.ts"
import type { JobRecord, QueueState } from "./QueueState.ts"

export const depths = (queue: QueueState): Depths =>
  Object.fromEntries(Object.entries(queue.indexes).map(([state, index]) => [state, index.size])) as Depths

const cursorOf = ({ id, score }: Pick<Place, "id" | "score">): string => `${score}:${id}`

/** A cursor is the last place shown, not a position, so that jobs leaving or coming do not shift a page. */
export const list = (queue: QueueState, request: ListRequest): JobPage => {
  const sorted = queue.indexes[request.state].sorted()
  const entries = request.state === "dead" ? sorted.toReversed() : sorted
  const place = request.cursor === undefined ? undefined : Result.getOrThrow(parsePlace(request.cursor))
  const from =
    place === undefined ? 0 : entries.filter((entry) => isUpTo(entry, place, request.state === "dead")).length
  const page = entries.slice(from, from + request.limit)
  const last = page.at(-1)
  return {
    jobs: page.map((record) => queue.read(record)),
    ...(last !== undefined && from + page.length < entries.length ? { cursor: cursorOf(last) } : {})
  }
}

const isUpTo = (
  entry: Pick<Place, "id" | "score">,
  last: Pick<Place, "id" | "score">,
  descending: boolean
): boolean => {
  if (entry.score === last.score && entry.id === last.id) return true
  const isBefore = entry.score < last.score || (entry.score === last.score && entry.id < last.id)
  return descending ? !isBefore : isBefore
}

const select = (queue: QueueState, selection: DeadSelection): ReadonlyArray<JobId> =>
  "jobIds" in selection
    ? selection.jobIds
    : queue.indexes.dead
        .sorted()
        .slice(selection.skip ?? 0, (selection.skip ?? 0) + selection.oldest)
        .map((entry) => entry.id)

const deadRecord = (queue: QueueState, jobId: JobId): JobRecord | undefined => {
  const record = queue.jobs.get(jobId)
  return record?.state === "dead" ? record : undefined
}

const redriveOne = (queue: QueueState, jobId: JobId, now: EpochMillis): RedriveOutcome => {
  const record = deadRecord(queue, jobId)
  if (record === undefined) return "not-dead"
  // a window was held from the enqueue on, and is not held again
  if (record.new.uniqueWindowMillis === undefined) {
    if (queue.ownerOf(record.new.uniqueKey, now) !== undefined) return "key-taken"
    queue.holdKey(record.new, jobId, now)
  }
  record.attempt = 0
  record.rescues = 0
  record.snoozes = 0
  record.token = 0
  record.deadReason = undefined
  record.expiresAt = undefined
  record.result = undefined
  record.finishedAt = undefined
  record.startedAt = undefined
  record.dueAt = now
  record.sequence = queue.nextSequence()
  queue.outbox.add(record.new, { _tag: "Redriven" }, now)
  makeVisible(queue, record)
  queue.counters.redriven++
  return "redriven"
}

export const redrive = (queue: QueueState, selection: DeadSelection, now: EpochMillis) => {
  const outcomes = select(queue, selection).map((jobId) => ({ jobId, outcome: redriveOne(queue, jobId, now) }))
  if (outcomes.some(({ outcome }) => outcome === "redriven")) queue.signal.raise()
  return outcomes
}

/** Makes jobs that wait for their time visible, in their old places. */
export const runNow = (queue: QueueState, jobIds: ReadonlyArray<JobId>, now: EpochMillis): ReadonlyArray<JobId> => {
  const moved = jobIds.filter((jobId) => {
    const record = queue.jobs.get(jobId)
    if (record?.state !== "scheduled" && record?.state !== "retry") return false
    record.dueAt = now
    promoteOne(queue, record)
    return true
  })
  if (moved.length > 0) queue.signal.raise()
  return moved
}

/** Removes records of jobs that have ended. */
export const remove = (queue: QueueState, jobIds: ReadonlyArray<JobId>): number => {
  let removed = 0
  for (const record of jobIds.map((jobId) => queue.jobs.get(jobId))) {
    // an id named twice was removed the first time
    if (record === undefined || !queue.jobs.has(record.new.id) || !ended.has(record.state)) continue
    queue.remove(record)
    removed++
  }
  return removed
}

/** Forgets a queue that holds nothing; answers whether it did. */
export const removeQueue = (queue: QueueState, now: EpochMillis): boolean => {
  if (queue.jobs.size > 0 || queue.schedules.size > 0 || queue.outbox.holds(now) || !queue.hasPassed(now)) return false
  queue.reset()
  return true
}

const ended: ReadonlySet<JobState> = new Set(["completed", "cancelled", "dead"])

export const purge = (queue: QueueState, selection: DeadSelection): number => {
  const records = select(queue, selection).map((jobId) => deadRecord(queue, jobId))
  let purged = 0
  for (const record of records) {
    // an id named twice was removed the first time
    if (record === undefined || !queue.jobs.has(record.new.id)) continue
    queue.remove(record)
    purged++
  }
  return purged
}
