import * as Effect from "effect/Effect"
import type { WorkerState } from "./WorkerState.ts"

/**
 * Decides, once per turn of the event loop, which lane may ask for how many jobs: everything that ends in one turn is
 * settled together, and the room it leaves is shared out as a whole.
 */
export const shareLoop = (state: WorkerState): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      yield* state.look.await
      yield* Effect.yieldNow
      state.look.closeUnsafe()
      state.shareOut()
    }
  })
