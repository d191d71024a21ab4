import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { describe } from "../../domain/describe.ts"
import type { WorkerState } from "./WorkerState.ts"

const restarts = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(
  Schedule.jittered
)

/** A loop that goes on after a bug in it, loudly; only interruption ends it, or its own end. */
export const restarted = <A, R>(name: string, loop: Effect.Effect<A, never, R>): Effect.Effect<A, never, R> =>
  loop.pipe(
    // as text: a logger that reads a hostile error would throw, and end the loop for good
    Effect.tapCause((cause) => Effect.logError(`${name} failed and starts again: ${describe(Cause.squash(cause))}`)),
    Effect.sandbox,
    Effect.retry(restarts),
    // every failure is retried
    Effect.orDie
  )

/** The same beside the caller, until the scope closes. */
export const supervised = <R>({ loops }: WorkerState, name: string, loop: Effect.Effect<never, never, R>) =>
  loops.fork(name, restarted(name, loop))
