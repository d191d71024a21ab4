import type { Job } from "../domain/Job.ts"
import type { BulkReport } from "../features/dead-letters/DeadLetters.ts"
import type { QueueView, Rates, WorkerView } from "../features/inspector/Inspector.ts"
import type { ScheduleView } from "../features/schedules/Schedules.ts"
import { valueOf } from "./encoded.ts"

/** The JSON that commands print. These shapes only grow; docs/guides/cli.md describes them. Times are epoch milliseconds. */

export const jobShape = (job: Job, showsPayload: boolean) => {
  const { failure, payload, result, ...rest } = job
  if (!showsPayload) return rest
  return {
    ...rest,
    payload: valueOf(payload),
    ...(result === undefined ? {} : { result: valueOf(result) }),
    ...(failure === undefined ? {} : { failure: valueOf(failure) })
  }
}

export const queueShape = (queue: QueueView) => ({
  name: queue.name,
  paused: queue.paused,
  depths: queue.depths,
  counters: queue.counters,
  limits: queue.limits,
  rateLimits: queue.rateLimits,
  next: queue.next ?? null,
  workers: queue.workers
})

export const ratesShape = ({ completedPerSecond, failedPerSecond, kinds, run, wait }: Rates) => ({
  completedPerSecond,
  failedPerSecond,
  wait: wait ?? null,
  run: run ?? null,
  kinds
})

export const workerShape = ({ alive, details, id, seenAt }: WorkerView) => ({
  id,
  alive,
  seenAt,
  details: details ?? null
})

export const scheduleShape = ({ next, payload, ...rest }: ScheduleView) => ({
  ...rest,
  next: next ?? null,
  payload: valueOf(payload)
})

export const bulkShape = ({ cursor, done, looked, matched, skipped }: BulkReport) => ({
  looked,
  matched,
  done,
  skipped,
  cursor: cursor ?? null
})
