import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Layer from "effect/Layer"
import type { JobInfo } from "../../../src/features/worker/Worker.ts"
import { Snooze } from "../../../src/domain/Steering.ts"
import { DeadLetterStore } from "../../../src/ports/DeadLetterStore.ts"
import { JobStore } from "../../../src/ports/JobStore.ts"
import { ScheduleStore } from "../../../src/ports/ScheduleStore.ts"
import { QueueControl } from "../../../src/ports/QueueControl.ts"
import { WorkflowStore } from "../../../src/ports/WorkflowStore.ts"
import { type Body, type CallName, type Event, type HandlerOutcome, recordedCalls, type Run } from "./History.ts"

/** Writes a history down, for one process or for many. */
export class Recorder {
  readonly events: Array<Event> = []
  #calls = 0

  readonly add = (process: string, at: number, body: Body): void => {
    this.events.push({ seq: this.events.length, at, process, ...body })
  }

  /** Adds at the time of the clock in force. */
  readonly say = (process: string, body: Body): Effect.Effect<void> =>
    Effect.withFiber((fiber) => {
      this.add(process, fiber.getRef(Clock.Clock).currentTimeMillisUnsafe(), body)
      return Effect.void
    })

  nextCall(): number {
    return this.#calls++
  }
}

/** Errors that say that nothing was written leave no doubt; all others do. */
const effectOf = (cause: Cause.Cause<unknown>): "unknown" | "none" => {
  const error = Cause.squash(cause)
  if (typeof error !== "object" || error === null || !("_tag" in error) || error._tag !== "StoreError") return "unknown"
  const reason = (error as unknown as { readonly reason: string }).reason
  return reason === "full" || reason === "read-only" || reason === "denied" ? "none" : "unknown"
}

type AnyCall = (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>

/** Records the calls named, of a service, as those of a process; all others pass. */
const recorded = <S extends object>(
  service: S,
  names: ReadonlyArray<CallName>,
  recorder: Recorder,
  process: string
): S => {
  const wrapped: Record<string, unknown> = Object.fromEntries(Object.entries(service))
  for (const op of names) {
    const inner = wrapped[op] as AnyCall
    wrapped[op] = (...args: ReadonlyArray<unknown>) =>
      Effect.suspend(() => {
        const call = recorder.nextCall()
        return recorder.say(process, { _tag: "Called", call, op, args } as Body).pipe(
          Effect.andThen(inner(...args)),
          Effect.onExit((exit) =>
            recorder.say(
              process,
              Exit.isSuccess(exit)
                ? ({ _tag: "Answered", call, op, reply: exit.value } as Body)
                : { _tag: "Unanswered", call, op, effect: effectOf(exit.cause) }
            )
          )
        )
      })
  }
  return wrapped as S
}

type Ports = JobStore | DeadLetterStore | WorkflowStore | ScheduleStore | QueueControl

/**
 * Records what a process asks of the stores below, and what they answer. Whatever drops, delays or repeats calls
 * belongs above it, so that what happened is known whoever was told of it.
 *
 * **Shape** `recording(recorder, "worker-1").pipe(Layer.provide(Redis.layer()))`; other ports pass by.
 */
export const recording = (recorder: Recorder, process: string): Layer.Layer<Ports, never, Ports> =>
  Layer.effectContext(
    Effect.gen(function* () {
      return Context.make(JobStore, recorded(yield* JobStore, recordedCalls.JobStore, recorder, process)).pipe(
        Context.add(
          DeadLetterStore,
          recorded(yield* DeadLetterStore, recordedCalls.DeadLetterStore, recorder, process)
        ),
        Context.add(WorkflowStore, recorded(yield* WorkflowStore, recordedCalls.WorkflowStore, recorder, process)),
        Context.add(ScheduleStore, recorded(yield* ScheduleStore, recordedCalls.ScheduleStore, recorder, process)),
        Context.add(QueueControl, recorded(yield* QueueControl, recordedCalls.QueueControl, recorder, process))
      )
    })
  )

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): HandlerOutcome => {
  if (Exit.isSuccess(exit)) return "succeeded"
  return Cause.hasInterrupts(exit.cause) && !(Cause.squash(exit.cause) instanceof Snooze) ? "interrupted" : "failed"
}

/** Records the runs of a handler. */
export const recordedHandler =
  <P, A, E, R>(recorder: Recorder, process: string, run: (payload: P, job: JobInfo) => Effect.Effect<A, E, R>) =>
  (payload: P, job: JobInfo): Effect.Effect<A, E, R> => {
    const which: Run = { queue: job.queue, jobId: job.id, token: job.token, attempt: job.attempt }
    return recorder.say(process, { _tag: "HandlerStarted", ...which }).pipe(
      Effect.andThen(Effect.suspend(() => run(payload, job))),
      Effect.onExit((exit) => recorder.say(process, { _tag: "HandlerEnded", outcome: outcomeOf(exit), ...which }))
    )
  }

/** Hooks that record what a worker tells of rescues and lost leases. */
export const recordedHooks = (recorder: Recorder, process: string) => {
  const told = (what: "rescued" | "crashed" | "lease lost") => (event: { readonly queue: string; jobId: string }) =>
    recorder.say(process, { _tag: "Told", what, queue: event.queue, jobId: event.jobId })
  return {
    onRescue: told("rescued"),
    onLeaseLost: told("lease lost"),
    onDead: (event: { readonly queue: string; readonly jobId: string; readonly reason: string }) =>
      event.reason === "crashed" ? told("crashed")(event) : Effect.void
  }
}
