import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Backoff from "../../domain/Backoff.ts"
import { describe } from "../../domain/describe.ts"
import { maxDelayMillis } from "../../domain/limits.ts"
import { Cancel, SkipRetry, Snooze } from "../../domain/Steering.ts"
import type { AnyTask } from "../../domain/Task.ts"
import type { ClaimedJob, Settlement } from "../../ports/JobStore.ts"

const wholeDelay = (millis: number): number => Math.min(Math.max(0, Math.ceil(millis) || 0), maxDelayMillis)

/** A backoff may be the user's own function, and fail like one. */
const delayOf = (backoff: Backoff.Backoff, attempt: number, random: number): number =>
  Result.getOrElse(
    Result.try(() => wholeDelay(backoff.delayMillis(attempt, random))),
    () => Backoff.standard.delayMillis(attempt, random)
  )

/** The encoded failure, when it is one that the task declares. */
const typed = (task: AnyTask, error: unknown): { readonly failure?: string } => {
  const failure = task.hasFailure ? task.encodeFailure(error) : undefined
  return failure !== undefined && Exit.isSuccess(failure) ? { failure: failure.value } : {}
}

const failed = (
  backoff: Backoff.Backoff,
  job: ClaimedJob,
  error: string,
  random: number,
  failure: { readonly failure?: string } = {}
): Settlement => ({
  _tag: "Retry",
  jobId: job.id,
  token: job.token,
  delayMillis: delayOf(backoff, job.attempt, random),
  error,
  ...failure
})

/** How the error of a success that does not fit its schema begins. */
export const resultMisfit = "the result does not fit its schema"

/** What an attempt's end means for its job. `queueBackoff`: the wait in its queue for tasks that say nothing of it. */
export const settlementOf = (
  task: AnyTask,
  job: ClaimedJob,
  exit: Exit.Exit<unknown, unknown>,
  random: number,
  queueBackoff?: Backoff.Backoff
): Settlement => {
  // a task that says nothing of its backoff has the standard one
  const backoff = task.backoff === Backoff.standard ? (queueBackoff ?? task.backoff) : task.backoff
  const held = { jobId: job.id, token: job.token }
  if (Exit.isSuccess(exit)) {
    if (!task.hasResult) return { _tag: "Complete", ...held }
    const result = task.encodeSuccess(exit.value)
    return Exit.isSuccess(result)
      ? { _tag: "Complete", ...held, result: result.value }
      : failed(backoff, job, `${resultMisfit}: ${describe(Cause.squash(result.cause))}`, random)
  }
  if (Cause.hasInterruptsOnly(exit.cause)) return failed(backoff, job, "the handler interrupted itself", random)
  const error = Cause.squash(exit.cause)
  if (error instanceof Snooze) return { _tag: "Snooze", ...held, delayMillis: wholeDelay(error.delayMillis) }
  if (error instanceof Cancel) return { _tag: "Cancel", ...held, reason: error.reason }
  if (error instanceof SkipRetry) {
    return { _tag: "Bury", ...held, reason: "skipped", error: describe(error.error), ...typed(task, error.error) }
  }
  return failed(backoff, job, describe(error), random, typed(task, error))
}
