import * as Effect from "effect/Effect"
import { Waiting } from "../../ports/Waiting.ts"
import type { WorkerState } from "./WorkerState.ts"

/** Sends a lane looking when its next job becomes visible or its next lease expires, and no other lane with it. */
export const dueLoop = (state: WorkerState): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      const now = state.monotonicMillis()
      let next = Number.POSITIVE_INFINITY
      for (const lane of state.lanes) {
        if (lane.nextAt <= now) {
          lane.nextAt = Number.POSITIVE_INFINITY
          lane.hungry = true
          state.look.openUnsafe()
        }
        next = Math.min(next, lane.nextAt)
      }
      state.sooner.closeUnsafe()
      state.waitsUntil = next
      yield* next === Number.POSITIVE_INFINITY
        ? state.sooner.await
        : Effect.provideService(Effect.raceFirst(Effect.sleep(next - now), state.sooner.await), Waiting, "visible")
    }
  })
