import * as Effect from "effect/Effect"
import type { Wakeup } from "../../ports/Wakeups.ts"
import type { WorkerState } from "./WorkerState.ts"

/** Waits while there is room and nothing to run, and sends every lane looking when something may have changed. */
export const waitLoop = (state: WorkerState, wakeup: Wakeup): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      yield* state.idle.await
      const next = Math.min(...state.lanes.map((lane) => lane.nextAt)) - state.monotonicMillis()
      // a millisecond at least: the store's clock may be a little behind what it announced
      yield* wakeup.wait(Math.min(Math.max(1, next), state.settings.pollMillis))
      for (const lane of state.lanes) {
        lane.hungry = true
        lane.nextAt = Number.POSITIVE_INFINITY
      }
      state.pokeAll()
    }
  })
