import type * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import type { DeadReason, JobId } from "../../domain/Job.ts"
import type { Noticed } from "./ending-of.ts"
import type { JobInfo } from "./RunningJob.ts"

/** What every event says. */
export interface JobEvent {
  readonly queue: string
  readonly jobId: JobId
  /** The worker that tells. */
  readonly workerId: string
}

/** An attempt of the telling worker. */
export interface AttemptEvent extends JobEvent {
  readonly job: JobInfo
  /** Which attempt, from 1. */
  readonly attempt: number
}

/** An attempt whose handler ran. */
export interface RanEvent extends AttemptEvent {
  /** How long the handler ran, in milliseconds. */
  readonly durationMillis: number
}

/** An attempt that failed. */
export interface ErrorEvent extends RanEvent {
  /** What the ledger says. */
  readonly error: string
  /** What the handler failed with; absent when its success did not fit the task's schema. */
  readonly cause?: Cause.Cause<unknown>
  /** The wait before the next attempt, in milliseconds. */
  readonly delayMillis: number
}

/**
 * A job that became a dead letter. `job` and `attempt` are there when an attempt of this worker ended so, and absent
 * when it found the job with an expired lease and no attempt left; `durationMillis` when the handler ran.
 */
export interface DeadEvent extends JobEvent {
  readonly reason: DeadReason
  readonly error: string
  readonly job?: JobInfo
  readonly attempt?: number
  readonly durationMillis?: number
  readonly cause?: Cause.Cause<unknown>
}

/** An attempt whose job was cancelled. */
export interface CancelEvent extends RanEvent {
  /** The handler's, or of whoever cancelled the job; when the notice of that was lost, that it was asked to stop. */
  readonly reason: string
}

/** An attempt that its handler put off. */
export interface SnoozeEvent extends RanEvent {
  /** How long it is put off, in milliseconds. */
  readonly delayMillis: number
}

/** A job given back, its attempt not counted. */
export interface ReleaseEvent extends AttemptEvent {
  readonly reason: "shutdown" | "no handler"
  /** How long it waits before it may be claimed, in milliseconds. */
  readonly delayMillis: number
}

/** An attempt whose outcome does not count, because the job is no longer this worker's. */
export interface LeaseLostEvent extends RanEvent {
  /** How it was noticed: the handler was interrupted, or its settlement came too late. */
  readonly noticed: Noticed
}

type Hook<Event, R> = (event: Event) => Effect.Effect<unknown, unknown, R>

/**
 * What a worker tells of its jobs as they go. A hook watches; it changes nothing: use `Middleware` to take part.
 *
 * **Shape** Told after the fact: an end is told once the store has recorded it. The hooks of a worker run one after the
 * other, in the order in which things happened, in a fiber of their own. Each may take 5 seconds, and 10 000 events may
 * wait; more are dropped. Nothing is told again: an event is lost when its process dies first.
 * **Errors** A hook that fails, dies or takes too long is logged as a warning, and so are dropped events.
 * **Example** examples/hooks-and-middleware.ts
 * **Ref** docs/semantics.md HOOK-3..8
 * @category jobs
 * @since 0.1.0
 */
export interface Hooks<out R = never> {
  /** A handler is started. */
  readonly onStart?: Hook<AttemptEvent, R>
  readonly onComplete?: Hook<RanEvent, R>
  /** An attempt has failed; the job runs again. */
  readonly onError?: Hook<ErrorEvent, R>
  readonly onDead?: Hook<DeadEvent, R>
  readonly onCancel?: Hook<CancelEvent, R>
  readonly onSnooze?: Hook<SnoozeEvent, R>
  /** A lease had expired, and this worker put the job back for another attempt. */
  readonly onRescue?: Hook<JobEvent, R>
  readonly onLeaseLost?: Hook<LeaseLostEvent, R>
  readonly onRelease?: Hook<ReleaseEvent, R>
}

/** Hooks that require anything; what `Worker.layer` accepts. */
export type AnyHooks = Hooks<any>

/** What hooks require. */
export type HooksServices<H> = {
  [Name in keyof H]-?: NonNullable<H[Name]> extends (event: never) => Effect.Effect<infer _A, infer _E, infer R>
    ? R
    : never
}[keyof H]

/** The event of each hook. */
export type EventOf<Name extends keyof Hooks> = Parameters<NonNullable<Hooks[Name]>>[0]
