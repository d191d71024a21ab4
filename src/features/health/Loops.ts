import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

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

  /** Runs a loop beside the caller until the scope closes. */
  readonly fork = <A, E, R>(name: string, loop: Effect.Effect<A, E, R>) =>
    Effect.forkScoped(loop).pipe(
      Effect.tap((fiber) => Effect.sync(() => this.add(name, fiber))),
      // after the fork, so that it runs before the loop is interrupted
      Effect.tap(() => Effect.addFinalizer(() => Effect.sync(() => this.remove(name))))
    )

  /** Those that have ended though nobody told them to. */
  get ended(): ReadonlyArray<string> {
    return [...this.#fibers].filter(([, fiber]) => fiber.pollUnsafe() !== undefined).map(([name]) => name)
  }
}
