import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Backoff from "../../domain/Backoff.ts"
import { describe } from "../../domain/describe.ts"
import { bytesBeyond, maxDelayMillis } from "../../domain/limits.ts"
import { Cancel, SkipRetry, Snooze } from "../../domain/Steering.ts"
import type { AnyTask } from "../../domain/Task.ts"
import type { ClaimedJob, Settlement } from "../../ports/JobStore.ts"

const wholeDelay = (millis: number): number => Math.min(Math.max(0, Math.ceil(millis) || 0), maxDelayMillis)

/** A backoff may be the user's own function, and fail like one. */
const delayOf = (backoff: Backoff.Backoff, attempt: number, random: number, error: unknown): number =>
  Result.getOrElse(
    Result.try(() => wholeDelay(backoff.delayMillis(attempt, random, error))),
    () => Backoff.standard.delayMillis(attempt, random)
  )

/** What an attempt may leave behind. */
export interface Kept {
  /** Largest encoded success or typed failure, in bytes of UTF-8. */
  readonly maxResultBytes: number
  /** Makes an error text fit to be stored and logged. */
  readonly redact: (text: string) => string
  /** The wait in its queue for tasks that say nothing of it. */
  readonly queueBackoff: Backoff.Backoff | undefined
}

/** A task that says nothing of its backoff has the standard one. */
const backoffOf = (task: AnyTask, { queueBackoff }: Kept): Backoff.Backoff =>
  task.backoff === Backoff.standard ? (queueBackoff ?? task.backoff) : task.backoff

const tooLarge = (what: string, bytes: number, limit: number): string =>
  `${what} has ${bytes} bytes, the limit is ${limit}; store it elsewhere and return a reference`

/** The encoded failure, when it is one that the task declares; what is said of it otherwise. */
const typed = (
  task: AnyTask,
  error: unknown,
  { maxResultBytes }: Kept
): { readonly failure?: string; readonly note: string } => {
  const failure = task.hasFailure ? task.encodeFailure(error) : undefined
  if (failure === undefined || Exit.isFailure(failure)) return { note: "" }
  const bytes = bytesBeyond(failure.value, maxResultBytes)
  return bytes === undefined
    ? { failure: failure.value, note: "" }
    : { note: `${tooLarge("the typed failure", bytes, maxResultBytes)}\n` }
}

const failed = (
  backoff: Backoff.Backoff,
  job: ClaimedJob,
  error: string,
  random: number,
  failure: { readonly failure?: string } = {},
  cause?: unknown
): Settlement => ({
  _tag: "Retry",
  jobId: job.id,
  token: job.token,
  delayMillis: delayOf(backoff, job.attempt, random, cause),
  error,
  ...(failure.failure === undefined ? {} : { failure: failure.failure })
})

/** How the error of a success that does not fit its schema, or its limit, begins. */
export const resultMisfit = "the result does not fit its schema"
export const resultTooLarge = "the result is too large"

/** What an attempt's end means for its job. */
export const settlementOf = (
  task: AnyTask,
  job: ClaimedJob,
  exit: Exit.Exit<unknown, unknown>,
  random: number,
  kept: Kept
): Settlement =>
  Result.getOrElse(
    Result.try(() => decide(task, job, exit, random, kept)),
    // reading what was thrown runs its own code: a proxy whose traps throw cannot even be asked what it is
    () => failed(backoffOf(task, kept), job, "an error that cannot be shown", random)
  )

const decide = (
  task: AnyTask,
  job: ClaimedJob,
  exit: Exit.Exit<unknown, unknown>,
  random: number,
  kept: Kept
): Settlement => {
  const backoff = backoffOf(task, kept)
  const held = { jobId: job.id, token: job.token }
  const { maxResultBytes, redact } = kept
  if (Exit.isSuccess(exit)) {
    if (!task.hasResult) return { _tag: "Complete", ...held }
    const result = task.encodeSuccess(exit.value)
    if (Exit.isFailure(result)) {
      return failed(backoff, job, `${resultMisfit}: ${redact(describe(Cause.squash(result.cause)))}`, random)
    }
    const bytes = bytesBeyond(result.value, maxResultBytes)
    return bytes === undefined
      ? { _tag: "Complete", ...held, result: result.value }
      : failed(backoff, job, `${resultTooLarge}: ${tooLarge("it", bytes, maxResultBytes)}`, random)
  }
  if (Cause.hasInterruptsOnly(exit.cause)) return failed(backoff, job, "the handler interrupted itself", random)
  const error = Cause.squash(exit.cause)
  if (error instanceof Snooze) return { _tag: "Snooze", ...held, delayMillis: wholeDelay(error.delayMillis) }
  if (error instanceof Cancel) return { _tag: "Cancel", ...held, reason: redact(describe(error.reason)) }
  if (error instanceof SkipRetry) {
    const { note, ...failure } = typed(task, error.error, kept)
    return { _tag: "Bury", ...held, reason: "skipped", error: redact(note + describe(error.error)), ...failure }
  }
  const failure = typed(task, error, kept)
  return failed(backoff, job, redact(failure.note + describe(error)), random, failure, error)
}
