import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { describe } from "../../domain/describe.ts"

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

/** The loops of a worker or a server, which go on for as long as it does; those that have ended are missed. */
export class Loops {
  readonly #fibers = new Map<string, Fiber.Fiber<unknown, unknown>>()

  /** Misses a fiber when it has ended. */
  add(name: string, fiber: Fiber.Fiber<unknown, unknown>): void {
    this.#fibers.set(name, fiber)
  }

  /** One that is to end. */
  remove(name: string): void {
    this.#fibers.delete(name)
  }

  /** Runs a loop beside the caller until the scope closes; it goes on after a bug in it. */
  readonly fork = <A, R>(name: string, loop: Effect.Effect<A, never, R>) =>
    Effect.forkScoped(restarted(name, loop)).pipe(
      Effect.tap((fiber) => Effect.sync(() => this.add(name, fiber))),
      // after the fork, so that it runs before the loop is interrupted
      Effect.tap(() => Effect.addFinalizer(() => Effect.sync(() => this.remove(name))))
    )

  /** Those that have ended though nobody told them to. */
  get ended(): ReadonlyArray<string> {
    return [...this.#fibers].filter(([, fiber]) => fiber.pollUnsafe() !== undefined).map(([name]) => name)
  }
}
