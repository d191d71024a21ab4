import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { describe } from "../../domain/describe.ts"
import type { JobId, Token } from "../../domain/Job.ts"
import type { ClaimedJob, SettleOutcome, Settlement } from "../../ports/JobStore.ts"
import { Waiting } from "../../ports/Waiting.ts"
import type { Attempt, Lane } from "./Lane.ts"
import { RunningJob } from "./RunningJob.ts"
import { settlementOf } from "./settlement-of.ts"
import { noteEnd, noteStart } from "./WorkerReport.ts"
import { millisOf, type Runnable, type WorkerState } from "./WorkerState.ts"

/** The attempt took longer than its task allows; this is what its ledger line says. */
class TimedOut extends Data.TaggedError("TimedOut")<{ readonly message: string }> {}

/** A class, since it lives until the store has answered (decision 16). */
class Completion {
  readonly _tag = "Complete"
  readonly jobId: JobId
  readonly token: Token

  constructor({ id, token }: ClaimedJob) {
    this.jobId = id
    this.token = token
  }
}

/** To be run with the handler's services. */
const handlerEffect = ({ handler, task }: Runnable, job: RunningJob, payload: unknown) => {
  // a handler that throws before it returns an effect has failed like any other
  const effect = Effect.suspend(() => handler.run(payload, job))
  const { timeoutMillis } = task
  return timeoutMillis === undefined
    ? effect
    : // as Effect.timeout does it, except that its sleep says what it is for
      Effect.raceFirst(
        effect,
        Effect.andThen(
          Effect.provideService(Effect.sleep(timeoutMillis), Waiting, "limit"),
          Effect.fail(new TimedOut({ message: `the handler ran longer than ${timeoutMillis} ms` }))
        )
      )
}

/** Queues how an attempt ended, for the lane's next exchange; without a settlement the attempt is forgotten. */
export const end = (state: WorkerState, lane: Lane, attempt: Attempt, settlement: Settlement | undefined): void => {
  noteEnd(state, lane, attempt, settlement)
  if (attempt.phase === "running") {
    lane.running--
    state.running--
    if (attempt.sampledNanos !== undefined) {
      lane.prefetch.handled(Number(state.monotonicNanos() - attempt.sampledNanos) / 1_000_000)
    }
  }
  attempt.phase = "ended"
  attempt.fiber = undefined
  if (settlement === undefined) lane.attempts.delete(attempt.job.token)
  else lane.outgoing.push(settlement)
  state.giveBack(lane)
  state.progress.openUnsafe()
  for (const other of state.lanes) if (other.ready.size > 0) other.startable.openUnsafe()
}

/** Forgets an attempt whose settlement the store has answered. */
export const settled = (state: WorkerState, lane: Lane, settlement: Settlement, answer: SettleOutcome): void => {
  const { extensions } = state
  if (extensions.watchesCompleted || settlement._tag !== "Complete" || answer !== "settled") {
    const attempt = lane.attempts.get(settlement.token)
    // one that somebody has cancelled meanwhile has ended, and is told
    const isSilent = attempt?.isGivenBack === true && answer !== "cancelled"
    if (!isSilent) extensions.settled(lane.queue, attempt, settlement, answer)
  }
  lane.attempts.delete(settlement.token)
}

const settlementAfter = (
  state: WorkerState,
  queue: string,
  runnable: Runnable,
  attempt: Attempt,
  exit: Exit.Exit<unknown, unknown>
): Settlement | undefined => {
  const { interruptedFor, job } = attempt
  if (interruptedFor === "lease lost") return undefined
  if (Exit.isSuccess(exit) && !runnable.task.hasResult) return new Completion(job)
  // released for want of time, or because somebody cancels it: then the store makes that of the release
  if (interruptedFor !== undefined && Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)) {
    return { _tag: "Release", jobId: job.id, token: job.token, delayMillis: 0 }
  }
  return settlementOf(runnable.task, job, exit, state.random(), {
    maxResultBytes: state.settings.maxResultBytes,
    queueBackoff: state.settings.backoffs[queue],
    redact: (text) => state.extensions.redact(text, { queue, kind: job.kind, id: job.id })
  })
}

/**
 * Starts the handler of a claimed job, or settles at once a job that cannot be started.
 * Room for it was taken with the claim; `end` gives it back.
 */
const start = (state: WorkerState, lane: Lane, attempt: Attempt): void => {
  const { job } = attempt
  const held = { jobId: job.id, token: job.token }
  if (attempt.interruptedFor === "lease lost") {
    end(state, lane, attempt, undefined)
    return
  }
  // one that somebody cancels: the store makes that of the release
  if (state.stopping || !lane.serving || attempt.interruptedFor !== undefined) {
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
    const why = extensions.redact(describe(Cause.squash(payload.cause)), {
      queue: lane.queue,
      kind: job.kind,
      id: job.id
    })
    const error = `the payload cannot be decoded: ${why}`
    end(state, lane, attempt, { _tag: "Bury", ...held, reason: "undecodable", error })
    return
  }
  attempt.phase = "running"
  lane.running++
  state.running++
  const running = new RunningJob(job, lane.queue, state.store)
  attempt.observed = extensions.started(lane.queue, running)
  const fiber = extensions.fork(handlerEffect(runnable, running, payload.value), runnable.handler.services, running)
  attempt.fiber = fiber
  // the handler's first steps may have set off what interrupts it
  if (attempt.interruptedFor !== undefined) fiber.interruptUnsafe()
  fiber.addObserver((exit) => {
    attempt.observed = extensions.ended(lane.queue, attempt, running, exit)
    const settlement = settlementAfter(state, lane.queue, runnable, attempt, exit)
    if (settlement === undefined) extensions.lost(lane.queue, attempt)
    end(state, lane, attempt, settlement)
  })
}

/** Handlers started in one go at least, so that other fibers get their turn between a worker's jobs. */
const leastBatch = 16

/** Gives back what was claimed and not started, when nothing more is to start. */
export const releaseReady = (state: WorkerState, lane: Lane): void => {
  for (let attempt = lane.ready.take(); attempt !== undefined; attempt = lane.ready.take()) {
    start(state, lane, attempt)
  }
}

/**
 * Starts handlers of a lane as far as they may run, in the order of their claims, but not more in one go than may run at
 * once: those that end at once are settled while the others run.
 */
export const startReady = (state: WorkerState, lane: Lane): void => {
  if (lane.ready.size === 0) return
  if (state.stopping || !lane.serving) return releaseReady(state, lane)
  const startedNanos = state.monotonicNanos()
  const nowMillis = millisOf(startedNanos)
  let left = Math.min(lane.ready.size, Math.max(state.concurrency, leastBatch))
  let isFirst = true
  // a handler's first steps may do anything, and come back here
  for (; left > 0 && state.mayStart(lane); left--) {
    const attempt = lane.ready.take()
    if (attempt === undefined) return
    if (attempt.trustedUntil <= nowMillis && attempt.interruptedFor === undefined) {
      // it stood ready while no extension got through: by now others may run it
      end(state, lane, attempt, { _tag: "Release", jobId: attempt.job.id, token: attempt.job.token, delayMillis: 0 })
      continue
    }
    // one in each batch tells how long handlers take
    if (isFirst) attempt.sampledNanos = startedNanos
    isFirst = false
    start(state, lane, attempt)
  }
  if (lane.ready.size === 0) return
  state.holds.openUnsafe()
  if (state.mayStart(lane)) lane.startable.openUnsafe()
}
