import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StoreError } from "./StoreError.ts"

/** A worker's ear on some queues. One fiber at a time may wait. */
export interface Wakeup {
  /**
   * Waits until a job of one of the queues became visible by an enqueue, a release, a redrive, a resume or a claim
   * that left some behind, or until the time is over. May return early; never later than the time given.
   *
   * **Units** milliseconds, by Effect's Clock.
   * **Errors** none: while the store cannot be reached it waits out the time, and recovers by itself.
   * **Ref** WAKE-1..3
   */
  readonly wait: (millis: number) => Effect.Effect<void>
}

/**
 * Tells idle workers that something became visible. A signal reaches one waiting worker and may be lost in a crash,
 * so waits are bounded and claims pass the signal on.
 *
 * @category queues
 * @since 0.1.0
 */
export class Wakeups extends Context.Service<
  Wakeups,
  { readonly subscribe: (queues: ReadonlyArray<string>) => Effect.Effect<Wakeup, StoreError, Scope.Scope> }
>()("winterq/ports/Wakeups") {}
