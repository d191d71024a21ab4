import * as Effect from "effect/Effect"
import { Waiting } from "../../ports/Waiting.ts"
import type { Lane } from "./Lane.ts"
import type { WorkerState } from "./WorkerState.ts"

const promoteLimit = 1000

/** Moves on what is due, which signals it. Who fails here finds it at the next look of anybody. */
const promote = (state: WorkerState, { queue }: Lane) =>
  state.store.promote(queue, promoteLimit).pipe(Effect.ignore, Effect.forkChild)

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
          // others have not heard of it, and may have room
          if (state.isFull(lane)) yield* promote(state, lane)
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
