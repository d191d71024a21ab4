import * as Result from "effect/Result"
import type { DeadReason, EpochMillis, JobId } from "../../domain/Job.ts"
import { type JobEvent, transition } from "../../domain/transition.ts"
import type { RescueReply, Settlement, SettleOutcome } from "../../ports/JobStore.ts"
import { type JobRecord, type QueueState, readyScore } from "./QueueState.ts"

/** Asks the state machine what the event makes of the job; an illegal one is a bug of this backend. */
const decide = (record: JobRecord, event: JobEvent) =>
  Result.getOrThrow(
    transition({ state: record.state, attempt: record.attempt, maxAttempts: record.new.maxAttempts }, event)
  )

export const makeVisible = (queue: QueueState, record: JobRecord): void =>
  queue.move(record, "pending", readyScore(record))

const finish = (queue: QueueState, record: JobRecord, state: "completed" | "cancelled", now: EpochMillis): void => {
  queue.freeKey(record)
  record.cancelRequested = undefined
  record.finishedAt = now
  if (record.new.retainMillis <= 0) queue.drop(record, state)
  else queue.move(record, state, now + record.new.retainMillis)
  queue.counters[state]++
  queue.tellEnded(record, now)
}

const bury = (
  queue: QueueState,
  record: JobRecord,
  reason: DeadReason,
  failure: string | undefined,
  now: EpochMillis
): void => {
  queue.freeKey(record)
  record.cancelRequested = undefined
  record.deadReason = reason
  record.result = failure
  record.finishedAt = now
  queue.move(record, "dead", now)
  queue.counters.died++
  queue.tellEnded(record, now)
}

/** Ends a job that has not ended: its handler said so, somebody else did, or its time to start is over. */
export const cancelNow = (
  queue: QueueState,
  record: JobRecord,
  outcome: "cancelled" | "expired",
  reason: string,
  now: EpochMillis
): void => {
  decide(record, { _tag: "Cancel" })
  queue.writeFailure(record, outcome, reason, now)
  finish(queue, record, "cancelled", now)
}

const later = (queue: QueueState, record: JobRecord, attempt: number, at: EpochMillis): void => {
  record.attempt = attempt
  queue.move(record, "scheduled", at)
}

/** Ends an attempt, if the settlement's token is the job's current one. */
export const settle = (queue: QueueState, settlement: Settlement, now: EpochMillis): SettleOutcome => {
  const record = queue.jobs.get(settlement.jobId)
  if (record === undefined) return "gone"
  if (settlement.token === 0 || record.token !== settlement.token) {
    queue.counters.stale++
    return "stale"
  }
  if (record.state !== "active") return "repeated"
  const { cancelRequested } = record
  if (cancelRequested !== undefined && /^(Retry|Snooze|Release)$/.test(settlement._tag)) {
    cancelNow(queue, record, "cancelled", cancelRequested, now)
    return "cancelled"
  }
  switch (settlement._tag) {
    case "Complete":
      // any active job may be completed, so there is nothing to decide
      record.result = settlement.result
      finish(queue, record, "completed", now)
      return "settled"
    case "Retry": {
      const dies = decide(record, { _tag: "Fail", skipRetry: false }).state === "dead"
      queue.writeFailure(record, dies ? "dead" : "retry", settlement.error, now)
      if (dies) {
        bury(queue, record, "exhausted", settlement.failure, now)
        return "died"
      }
      queue.move(record, "retry", now + settlement.delayMillis)
      queue.counters.retried++
      return "settled"
    }
    case "Bury":
      decide(record, { _tag: "Fail", skipRetry: true })
      queue.writeFailure(record, "dead", settlement.error, now)
      bury(queue, record, settlement.reason, settlement.failure, now)
      return "settled"
    case "Cancel":
      cancelNow(queue, record, "cancelled", settlement.reason, now)
      return "settled"
    case "Snooze":
      later(queue, record, decide(record, { _tag: "Snooze" }).attempt, now + settlement.delayMillis)
      record.snoozes++
      queue.counters.snoozed++
      return "settled"
    case "Release": {
      const next = decide(record, { _tag: "Release", delayMillis: settlement.delayMillis })
      queue.counters.released++
      if (next.state === "scheduled") {
        later(queue, record, next.attempt, now + settlement.delayMillis)
      } else {
        record.attempt = next.attempt
        makeVisible(queue, record)
      }
      return "settled"
    }
  }
}

/** Takes back jobs whose lease is over. */
export const rescue = (queue: QueueState, limit: number, now: EpochMillis): RescueReply => {
  const rescued: Array<JobId> = []
  const buried: Array<JobId> = []
  for (let i = 0; i < limit; i++) {
    const expired = queue.indexes.active.first
    if (expired === undefined || expired.score > now) break
    const record = queue.indexes.active.firstById!
    const next = decide(record, { _tag: "Rescue" })
    record.token = 0
    record.rescues++
    queue.counters.rescued++
    queue.writeFailure(record, "crashed", "the lease expired", now)
    if (record.cancelRequested !== undefined) {
      cancelNow(queue, record, "cancelled", record.cancelRequested, now)
    } else if (next.state === "dead") {
      bury(queue, record, "crashed", undefined, now)
      buried.push(record.new.id)
    } else {
      makeVisible(queue, record)
      rescued.push(record.new.id)
    }
  }
  return { rescued, buried }
}

/** Makes a job that waits for its time visible. */
export const promoteOne = (queue: QueueState, record: JobRecord): void => {
  decide(record, { _tag: "Promote" })
  makeVisible(queue, record)
}

/** Makes due jobs visible, soonest first, those never tried before those that failed. */
export const promote = (queue: QueueState, limit: number, now: EpochMillis): number => {
  let promoted = 0
  for (const state of ["scheduled", "retry"] as const) {
    const index = queue.indexes[state]
    while (promoted < limit && index.first !== undefined && index.first.score <= now) {
      promoteOne(queue, index.firstById!)
      promoted++
    }
  }
  return promoted
}
