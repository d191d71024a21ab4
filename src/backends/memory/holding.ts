import { boundedText } from "../../domain/bounded-text.ts"
import { type EpochMillis, type JobId, maxLogLines } from "../../domain/Job.ts"
import { isFinal } from "../../domain/transition.ts"
import type { CancelOutcome, Held, LeaseStatus, LogLines, Watch, WatchReply } from "../../ports/JobStore.ts"
import { cancelNow } from "./lifecycle.ts"
import { endedOf, type JobRecord, type QueueState } from "./QueueState.ts"

/** The job, if the token is its current one; a token that was current once is counted. */
const held = (queue: QueueState, { jobId, token }: Held): JobRecord | undefined => {
  const record = queue.jobs.get(jobId)
  if (record?.state === "active" && record.token === token) return record
  if (record !== undefined && record.token !== token) queue.counters.stale++
  return undefined
}

export const extend = (queue: QueueState, lease: Held, expiry: EpochMillis): LeaseStatus => {
  const record = held(queue, lease)
  if (record === undefined) return "lost"
  queue.move(record, "active", expiry)
  return record.cancelRequested === undefined ? "held" : "cancel"
}

export const annotate = (
  queue: QueueState,
  request: Held & { readonly progress?: string; readonly logs?: LogLines }
): boolean => {
  const record = held(queue, request)
  if (record === undefined) return false
  record.progress = request.progress ?? record.progress
  if (request.logs !== undefined) {
    const known = record.logged.token === request.token ? record.logged.lines : 0
    const fresh = request.logs.lines.slice(Math.max(0, known - request.logs.from)).map((line) => boundedText(line))
    record.logs = [...record.logs, ...fresh].slice(-maxLogLines)
    record.logged = { token: request.token, lines: Math.max(known, request.logs.from + request.logs.lines.length) }
  }
  return true
}

export const cancel = (queue: QueueState, jobId: JobId, reason: string, now: EpochMillis): CancelOutcome => {
  const record = queue.jobs.get(jobId)
  if (record === undefined) return "gone"
  if (isFinal(record.state)) return "ended"
  if (record.state !== "active") {
    cancelNow(queue, record, "cancelled", reason, now)
    return "cancelled"
  }
  record.cancelRequested = reason
  queue.askToStop(record)
  return "requested"
}

export const watch = (queue: QueueState, { jobId, ref, watcher }: Watch): WatchReply => {
  const record = queue.jobs.get(jobId)
  if (record === undefined) return { _tag: "Missing" }
  if (isFinal(record.state)) return { _tag: "Ended", ended: endedOf(record) }
  const others = (queue.watchers.get(jobId) ?? []).filter((other) => other.name !== watcher || other.ref !== ref)
  queue.watchers.set(jobId, [...others, { name: watcher, ref }])
  return { _tag: "Watching" }
}

export const unwatch = (queue: QueueState, { jobId, ref, watcher }: Watch): void => {
  const others = (queue.watchers.get(jobId) ?? []).filter((other) => other.name !== watcher || other.ref !== ref)
  if (others.length > 0) queue.watchers.set(jobId, others)
  else queue.watchers.delete(jobId)
}
