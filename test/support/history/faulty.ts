import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Latch from "effect/Latch"
import { DeadLetterStore } from "../../../src/ports/DeadLetterStore.ts"
import { JobStore } from "../../../src/ports/JobStore.ts"
import { StoreError } from "../../../src/ports/StoreError.ts"
import { WorkflowStore } from "../../../src/ports/WorkflowStore.ts"
import type { Recorder } from "./recording.ts"

/** How likely each thing happens to a call. */
export interface FaultRates {
  /** It does not reach the store. */
  readonly lost: number
  /** It is carried out, and its reply is lost. */
  readonly replyLost: number
  /** It is carried out twice, one after the other. */
  readonly repeated: number
}

export interface FaultOptions {
  readonly recorder: Recorder
  readonly process: string
  readonly random: () => number
  /** Asked before each call, so that faults can be over. */
  readonly rates: () => FaultRates
  /** While it is closed, calls of this process go no further: as when it is stopped, or cut off. */
  readonly goes: Latch.Latch
}

const isRepeatable = (name: string, args: ReadonlyArray<unknown>): boolean =>
  // as another request it may be stored again once its jobs have ended and nothing of them is kept (ENQUEUE-6)
  name !== "enqueue" ||
  (args[1] as ReadonlyArray<{ readonly retainMillis: number }>).every((job) => job.retainMillis > 0)

type AnyCall = (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>

const faulty = <S extends object>(service: S, options: FaultOptions): S => {
  const { goes, process, random, rates, recorder } = options
  const fault = (kind: string, detail: string) => recorder.say(process, { _tag: "Fault", kind, detail })
  const noReply = (operation: string) =>
    Effect.fail(
      new StoreError({ operation, reason: "unavailable", retryable: true, cause: new Error("no reply in time") })
    )
  const entries = Object.entries(service).map(([name, member]: [string, unknown]) => {
    if (typeof member !== "function") return [name, member]
    const call = member as AnyCall
    const through = (...args: ReadonlyArray<unknown>) =>
      Effect.suspend(() => {
        const { lost, repeated, replyLost } = rates()
        const roll = random()
        if (roll < lost) return Effect.andThen(fault("call lost", name), noReply(name))
        if (roll < lost + replyLost) {
          return call(...args).pipe(Effect.andThen(fault("reply lost", name)), Effect.andThen(noReply(name)))
        }
        const twice = roll < lost + replyLost + repeated && isRepeatable(name, args)
        return twice
          ? Effect.tap(call(...args), () => Effect.andThen(fault("call carried out twice", name), call(...args)))
          : call(...args)
      })
    return [name, (...args: ReadonlyArray<unknown>) => Effect.andThen(goes.await, through(...args))]
  })
  return Object.fromEntries(entries) as S
}

type Ports = JobStore | DeadLetterStore | WorkflowStore

/** Loses and repeats the calls of one process. Belongs above `recording`, so that what happened is known all the same. */
export const faults = (options: FaultOptions): Layer.Layer<Ports, never, Ports> =>
  Layer.effectContext(
    Effect.gen(function* () {
      return Context.make(JobStore, faulty(yield* JobStore, options)).pipe(
        Context.add(DeadLetterStore, faulty(yield* DeadLetterStore, options)),
        Context.add(WorkflowStore, faulty(yield* WorkflowStore, options))
      )
    })
  )
