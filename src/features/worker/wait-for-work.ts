import * as Effect from "effect/Effect"
import type { Wakeup } from "../../ports/Wakeups.ts"
import type { WorkerState } from "./WorkerState.ts"

/** Waits while there is room and nothing to run, and sends every lane looking when something may have changed. */
export const waitLoop = (state: WorkerState, wakeup: Wakeup): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      yield* state.idle.await
      const now = state.monotonicMillis()
      const next = Math.min(...state.lanes.map((lane) => lane.nextAt)) - now
      // a millisecond at least: the store's clock may be a little behind what it announced
      const millis = Math.min(Math.max(1, next), state.settings.pollMillis)
      state.waitsUntil = now + millis
      state.sooner.closeUnsafe()
      const isSooner = yield* Effect.raceFirst(
        Effect.as(wakeup.wait(millis), false),
        Effect.as(state.sooner.await, true)
      )
      state.waitsUntil = Number.NEGATIVE_INFINITY
      if (isSooner) continue
      for (const lane of state.lanes) {
        lane.hungry = true
        lane.nextAt = Number.POSITIVE_INFINITY
      }
      state.pokeAll()
    }
  })
