import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * How this process ends when it is told to. Commands that run until then end well by doing so; others were broken off.
 */
export class Lifetime extends Context.Service<Lifetime, { endsByRequest: boolean }>()("winterq/cli/Lifetime") {
  /** Runs something that goes on until the process is told to stop. */
  static readonly untilStopped = <A, E, R>(work: Effect.Effect<A, E, R>) =>
    Effect.flatMap(Lifetime, (lifetime) => {
      lifetime.endsByRequest = true
      return work
    })
}
