import { hostname } from "node:os"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { EpochMillis } from "../../domain/Job.ts"
import { Sample } from "../../domain/Latency.ts"
import type { Settlement } from "../../ports/JobStore.ts"
import type { AttemptOutcome } from "./Activity.ts"
import type { Attempt, Lane } from "./Lane.ts"
import type { WorkerState } from "./WorkerState.ts"

/** A worker says this of itself, per queue, with every extension of its leases. Times are epoch milliseconds by its own clock. */
const Report = Schema.Struct({
  /** Grows when a reader of an older version would misread it; new fields alone do not change it. */
  version: Schema.Literal(1),
  /** When it was said. */
  at: Schema.Finite,
  host: Schema.String,
  pid: Schema.Int,
  startedAt: Schema.Finite,
  /** What it serves; the first 100. */
  queues: Schema.Array(Schema.String),
  concurrency: Schema.Int,
  /** How long it holds a job without a sign of life; it gives one three times as often. */
  leaseMillis: Schema.Finite,
  stopping: Schema.Boolean,
  /** Handlers that run for this queue. */
  running: Schema.Int,
  /** The jobs they run, those claimed first, first; at most 50. */
  jobs: Schema.Array(Schema.Struct({ id: Schema.String, kind: Schema.String, since: Schema.Finite })),
  /** The kinds that it has handlers for; absent when they are more than 100, or it is too old to say so. */
  handles: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Attempts for this queue in the last minute. */
  completed: Schema.Int,
  failed: Schema.Int,
  /** The same by kind, the busiest first; at most 50. */
  kinds: Schema.Array(Schema.Struct({ kind: Schema.String, completed: Schema.Int, failed: Schema.Int })),
  /** From when it was due to the start of the first attempt, of the attempts started in the last minute. */
  wait: Sample,
  /** From start to end, of the attempts that completed or failed in the last minute. */
  run: Sample
})

/**
 * What a worker says of itself to one of its queues.
 *
 * @category queues
 * @since 0.1.0
 */
export type WorkerReport = typeof Report.Type

const maxQueues = 100
const maxJobs = 50
const maxHandles = 100

const nowOf = (state: WorkerState): EpochMillis => state.clock.currentTimeMillisUnsafe()

const outcomes: Readonly<Record<Settlement["_tag"], AttemptOutcome>> = {
  Complete: "completed",
  Retry: "failed",
  Bury: "failed",
  Cancel: "other",
  Snooze: "other",
  Release: "other"
}

/** Counts that a job with a handler is started. Its wait is one for the first attempt only: later ones wait on purpose. */
export const noteStart = (state: WorkerState, lane: Lane, attempt: Attempt): void => {
  const now = nowOf(state)
  attempt.startedAt = now
  const { attempt: number, dueAt, rescues, snoozes } = attempt.job
  if (number === 1 && rescues === 0 && snoozes === 0) lane.activity.started(Math.max(0, now - dueAt), now)
}

/** Counts how an attempt that was started ended. */
export const noteEnd = (state: WorkerState, lane: Lane, attempt: Attempt, settlement: Settlement | undefined): void => {
  if (attempt.startedAt === undefined || settlement === undefined) return
  const now = nowOf(state)
  lane.activity.ended(attempt.job.kind, outcomes[settlement._tag], now - attempt.startedAt, now)
}

/** What a worker has to say to the queue of a lane. */
export const make = (state: WorkerState, lane: Lane): WorkerReport => {
  const at = nowOf(state)
  const running = [...lane.attempts.values()].filter((attempt) => attempt.phase === "running")
  return {
    version: 1,
    at,
    host: hostname(),
    pid: process.pid,
    startedAt: state.startedAt,
    queues: state.serving.slice(0, maxQueues).map(({ queue }) => queue),
    concurrency: state.concurrency,
    leaseMillis: state.settings.leaseMillis,
    stopping: state.stopping,
    running: running.length,
    jobs: running
      .slice(0, maxJobs)
      .map(({ job, startedAt }) => ({ id: job.id, kind: job.kind, since: startedAt ?? at })),
    ...(state.runnables.size > maxHandles ? {} : { handles: [...state.runnables.keys()] }),
    ...lane.activity.summary(at)
  }
}

/** The text for `JobStore.extendLeases`. */
export const about = (state: WorkerState, lane: Lane): string => JSON.stringify(make(state, lane))

const decodeText = Schema.decodeUnknownOption(Schema.fromJsonString(Report))

/** Reads such a text; nothing when it is of another make, or of a version that means something else. */
export const decode = (text: string): WorkerReport | undefined => Option.getOrUndefined(decodeText(text))
