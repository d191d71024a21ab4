import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { describe } from "../../domain/describe.ts"
import type { ClaimedJob, Settlement } from "../../ports/JobStore.ts"
import type { Attempt, Lane } from "./Lane.ts"
import { RunningJob } from "./RunningJob.ts"
import { settlementOf } from "./settlement-of.ts"
import type { Runnable, WorkerState } from "./WorkerState.ts"

/** The attempt took longer than its task allows; this is what its ledger line says. */
class TimedOut extends Data.TaggedError("TimedOut")<{ readonly message: string }> {}

const handlerEffect = (state: WorkerState, lane: Lane, { run, task }: Runnable, job: ClaimedJob, payload: unknown) => {
  // a handler that throws before it returns an effect has failed like any other
  const effect = Effect.suspend(() => run(payload, new RunningJob(job, lane.queue, state.store)))
  const { timeoutMillis } = task
  return timeoutMillis === undefined
    ? effect
    : Effect.timeoutOrElse(effect, {
        duration: timeoutMillis,
        orElse: () => Effect.fail(new TimedOut({ message: `the handler ran longer than ${timeoutMillis} ms` }))
      })
}

/** Queues how an attempt ended, for the lane's next exchange; without a settlement the attempt is forgotten. */
export const end = (state: WorkerState, lane: Lane, attempt: Attempt, settlement: Settlement | undefined): void => {
  attempt.running = false
  attempt.fiber = undefined
  if (settlement === undefined) lane.attempts.delete(attempt.job.token)
  else lane.outgoing.push(settlement)
  state.giveBack(lane)
  state.progress.openUnsafe()
}

const settlementAfter = (
  state: WorkerState,
  runnable: Runnable,
  attempt: Attempt,
  exit: Exit.Exit<unknown, unknown>
): Settlement | undefined => {
  const { interruptedFor, job } = attempt
  if (interruptedFor === "lease lost") return undefined
  // released for want of time, or because somebody cancels it: then the store makes that of the release
  if (interruptedFor !== undefined && Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)) {
    return { _tag: "Release", jobId: job.id, token: job.token, delayMillis: 0 }
  }
  return settlementOf(runnable.task, job, exit, state.random())
}

/**
 * Starts the handler of a claimed job, or settles at once a job that cannot be started.
 * Room for it was taken with the claim; `end` gives it back.
 */
export const start = (state: WorkerState, lane: Lane, attempt: Attempt): void => {
  const { job } = attempt
  const held = { jobId: job.id, token: job.token }
  if (state.stopping) {
    end(state, lane, attempt, { _tag: "Release", ...held, delayMillis: 0 })
    return
  }
  const fork = Effect.runForkWith(state.services)
  const runnable = state.runnables.get(job.kind)
  if (runnable === undefined) {
    const delayMillis = state.settings.unknownKindDelayMillis
    fork(Effect.logWarning(`no handler for ${job.kind} here: job ${job.id} of queue ${lane.queue} is released`))
    end(state, lane, attempt, { _tag: "Release", ...held, delayMillis })
    return
  }
  const payload = runnable.task.decodePayload(job.payload)
  if (Exit.isFailure(payload)) {
    const error = `the payload cannot be decoded: ${describe(Cause.squash(payload.cause))}`
    fork(Effect.logWarning(`job ${job.id} of queue ${lane.queue} is dead: ${error}`))
    end(state, lane, attempt, { _tag: "Bury", ...held, reason: "undecodable", error })
    return
  }
  attempt.running = true
  const fiber = fork(handlerEffect(state, lane, runnable, job, payload.value))
  attempt.fiber = fiber
  // the handler's first steps may have set off what interrupts it
  if (attempt.interruptedFor !== undefined) fiber.interruptUnsafe()
  fiber.addObserver((exit) => end(state, lane, attempt, settlementAfter(state, runnable, attempt, exit)))
}
