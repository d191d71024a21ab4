import * as Effect from "effect/Effect"
import type { StoreError, StoreErrorReason } from "../ports/StoreError.ts"

/** Whether the store answers a server, as far as the server's own calls tell. */
export class Contact {
  /** What went wrong; until the next answer. */
  problem: StoreErrorReason | undefined
  /** When the store last answered; absent before. */
  answeredAt: number | undefined
  readonly #now: () => number
  readonly #changed: (isThere: boolean) => void

  constructor(now: () => number, changed: (isThere: boolean) => void) {
    this.#now = now
    this.#changed = changed
  }

  /** Takes note of what a call comes to. Failures that `counts` leaves out say nothing of the store as a whole. */
  readonly note = <A, R>(
    call: Effect.Effect<A, StoreError, R>,
    counts: (reason: StoreErrorReason) => boolean = () => true
  ): Effect.Effect<A, StoreError, R> =>
    Effect.suspend(() => {
      const sentAt = this.#now()
      return call.pipe(
        Effect.tap(() => Effect.sync(() => this.#answered())),
        Effect.tapError(({ reason }) =>
          Effect.sync(() => {
            if (counts(reason)) this.#failed(sentAt, reason)
          })
        )
      )
    })

  #answered(): void {
    this.answeredAt = this.#now()
    if (this.problem === undefined) return
    this.problem = undefined
    this.#changed(true)
  }

  #failed(sentAt: number, reason: StoreErrorReason): void {
    // an answer that came since then tells more
    if (this.answeredAt !== undefined && this.answeredAt > sentAt) return
    const wasThere = this.problem === undefined
    this.problem = reason
    if (wasThere) this.#changed(false)
  }
}
