import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

/** Counts changes, and lets others wait for the next one; what stores answer `changed` with. */
export class ScheduleChanges {
  #count = 0
  #next = Latch.makeUnsafe(false)

  readonly raise = (): void => {
    this.#count++
    const waiting = this.#next
    this.#next = Latch.makeUnsafe(false)
    waiting.openUnsafe()
  }

  readonly after = (since: number): Effect.Effect<number> =>
    Effect.suspend(() =>
      this.#count > since ? Effect.succeed(this.#count) : Effect.map(this.#next.await, () => this.#count)
    )
}
