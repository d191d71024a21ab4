import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ExchangeReply, ExchangeRequest } from "./JobStore.ts"
import type { StoreError } from "./StoreError.ts"

/** A claim that a wait carries along. */
export interface WaitingClaim {
  /** Without settlements. */
  readonly request: ExchangeRequest
  /** How long it may wait for a signal, in milliseconds, before it is carried out without one or dropped. */
  readonly forMillis: number
}

/**
 * Whoever claims along with its waits, and with the enqueues of its process, so that a signal brings the jobs themselves
 * and not the news of them. A backend need not make use of it. A claim is carried out at most once, by the rules of any
 * other, and its answer may be lost: whoever made it asks again with its number.
 *
 * What it brings passes no `exchange`: whoever stands between a `JobStore` and its callers, and minds what is claimed, stands
 * here as well.
 *
 * **Ref** WAKE-6, WAKE-7, RUN-18
 */
export interface Claimant {
  /** What to claim with the wait that begins; nothing to be woken only. */
  readonly claim: () => WaitingClaim | undefined
  /**
   * What to claim along with an enqueue of the same process that goes out now, of jobs of one kind; nothing when it has no
   * use of them, or asks for some by itself.
   */
  readonly claimNow: (queue: string, kind: string) => ExchangeRequest | undefined
  /** Takes the answer, maybe when nobody waits any more. Answers whether it was of use. */
  readonly take: (request: ExchangeRequest, reply: ExchangeReply) => boolean
  /** Learns that the answer to a claim may have been lost. */
  readonly lose: (request: ExchangeRequest) => void
  /** Learns that a claim was not carried out, and will not be. */
  readonly forgo: (request: ExchangeRequest) => void
}

/** A worker's ear on some queues. One fiber at a time may wait. */
export interface Wakeup {
  /**
   * Waits until a job of one of the queues became visible by an enqueue, a release, a redrive, a resume or a claim
   * that left some behind, the claim that waits was answered, or the time is over. May return early; never later than
   * the time given.
   *
   * **Units** milliseconds, by Effect's Clock.
   * **Errors** none: while the store cannot be reached it waits out the time, and recovers by itself.
   * **Ref** WAKE-1..3, WAKE-6
   */
  readonly wait: (millis: number) => Effect.Effect<void>
  /** Signals again what the last wait has heard: there is no use of it here, and others may have some. **Ref** WAKE-9 */
  readonly pass: Effect.Effect<void>
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
  {
    /** Listens until the scope closes. A claimant counts when there is one queue. */
    readonly subscribe: (
      queues: ReadonlyArray<string>,
      claimant?: Claimant
    ) => Effect.Effect<Wakeup, StoreError, Scope.Scope>
  }
>()("winterq/ports/Wakeups") {}
