import type { EpochMillis, JobId } from "../domain/Job.ts"
import * as Exit from "effect/Exit"
import type { AnyTask, Payload } from "../domain/Task.ts"
import type { EnqueueOutcome } from "../ports/JobStore.ts"
import type { Recorded } from "./Recorder.ts"

/** A job that was enqueued, as it was when it was. Times are by the virtual clock. */
export interface Enqueued<T extends AnyTask = AnyTask> {
  readonly id: JobId
  readonly kind: T["kind"]
  readonly payload: Payload<T>
  readonly queue: string
  readonly priority: number
  readonly maxAttempts: number
  readonly tags: ReadonlyArray<string>
  /** How long it had to wait at least, in milliseconds; 0 when it was due at once. */
  readonly delayMillis: number
  /** When it was due. */
  readonly at: EpochMillis
  /** When it expires unless an attempt has started; absent when it does not. */
  readonly expiresAt?: EpochMillis
  /** The key as the store knows it; absent when the job is not unique. */
  readonly uniqueKey?: string
  readonly enqueuedAt: EpochMillis
  /** What the store made of it: only `Enqueued` and `Replaced` jobs were stored. */
  readonly outcome: EnqueueOutcome["_tag"]
}

type Instant = { readonly inMillis: number } | { readonly at: EpochMillis } | undefined

const instantOf = (instant: Instant, now: EpochMillis): EpochMillis | undefined =>
  instant === undefined ? undefined : "at" in instant ? instant.at : now + instant.inMillis

/** The record of a job, its payload decoded by its task. */
export const decoded = <T extends AnyTask>(task: T, { at: now, job, outcome, queue }: Recorded): Enqueued<T> => {
  const at = Math.max(now, instantOf(job.visible, now) ?? now)
  const expiresAt = instantOf(job.expires, now)
  const payload: Exit.Exit<Payload<T>, unknown> = task.decodePayload(job.payload)
  return {
    id: job.id,
    kind: job.kind,
    // what does not fit was enqueued by hand, and is shown as it is
    payload: Exit.isSuccess(payload) ? payload.value : job.payload,
    queue,
    priority: job.priority,
    maxAttempts: job.maxAttempts,
    tags: job.tags ?? [],
    delayMillis: at - now,
    at,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(job.uniqueKey === undefined ? {} : { uniqueKey: job.uniqueKey }),
    enqueuedAt: now,
    outcome: outcome._tag
  }
}

export const wasStored = ({ outcome }: Recorded): boolean => outcome._tag === "Enqueued" || outcome._tag === "Replaced"
