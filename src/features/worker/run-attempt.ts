import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { describe } from "../../domain/describe.ts"
import type { SettleOutcome, Settlement } from "../../ports/JobStore.ts"
import type { Attempt, Lane } from "./Lane.ts"
import { RunningJob } from "./RunningJob.ts"
import { settlementOf } from "./settlement-of.ts"
import { noteEnd, noteStart } from "./WorkerReport.ts"
import type { Runnable, WorkerState } from "./WorkerState.ts"

/** The attempt took longer than its task allows; this is what its ledger line says. */
class TimedOut extends Data.TaggedError("TimedOut")<{ readonly message: string }> {}

const handlerEffect = ({ run, task }: Runnable, job: RunningJob, payload: unknown) => {
  // a handler that throws before it returns an effect has failed like any other
  const effect = Effect.suspend(() => run(payload, job))
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
  noteEnd(state, lane, attempt, settlement)
  attempt.running = false
  attempt.fiber = undefined
  if (settlement === undefined) lane.attempts.delete(attempt.job.token)
  else lane.outgoing.push(settlement)
  state.giveBack(lane)
  state.progress.openUnsafe()
}

/** Forgets an attempt whose settlement the store has answered. */
export const settled = (state: WorkerState, lane: Lane, settlement: Settlement, answer: SettleOutcome): void => {
  const { extensions } = state
  if (extensions.watchesCompleted || settlement._tag !== "Complete" || answer !== "settled") {
    extensions.settled(lane.queue, lane.attempts.get(settlement.token), settlement, answer)
  }
  lane.attempts.delete(settlement.token)
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
  const { extensions } = state
  const runnable = state.runnables.get(job.kind)
  if (runnable === undefined) {
    const delayMillis = state.settings.unknownKindDelayMillis
    end(state, lane, attempt, { _tag: "Release", ...held, delayMillis })
    return
  }
  noteStart(state, lane, attempt)
  const payload = runnable.task.decodePayload(job.payload)
  if (Exit.isFailure(payload)) {
    const error = `the payload cannot be decoded: ${describe(Cause.squash(payload.cause))}`
    end(state, lane, attempt, { _tag: "Bury", ...held, reason: "undecodable", error })
    return
  }
  attempt.running = true
  const running = new RunningJob(job, lane.queue, state.store)
  attempt.observed = extensions.started(lane.queue, running)
  const fiber = extensions.fork(extensions.wrap(handlerEffect(runnable, running, payload.value), running))
  attempt.fiber = fiber
  // the handler's first steps may have set off what interrupts it
  if (attempt.interruptedFor !== undefined) fiber.interruptUnsafe()
  fiber.addObserver((exit) => {
    attempt.observed = extensions.ended(lane.queue, attempt, running, exit)
    const settlement = settlementAfter(state, runnable, attempt, exit)
    if (settlement === undefined) extensions.lost(lane.queue, attempt)
    end(state, lane, attempt, settlement)
  })
}
