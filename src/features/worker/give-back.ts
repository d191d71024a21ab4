import * as Effect from "effect/Effect"
import { Waiting } from "../../ports/Waiting.ts"
import type { Lane } from "./Lane.ts"
import { end } from "./run-attempt.ts"
import type { WorkerState } from "./WorkerState.ts"

/** How long no handler may have ended before what was claimed ahead of them goes back; two round trips, if that is more. */
const patienceMillis = 25

/** Lets others run what stands ready here, and claims nothing ahead until handlers are known to be quick again. */
const giveBack = (state: WorkerState, lane: Lane, waitedMillis: number): void => {
  lane.prefetch.outlasted(waitedMillis)
  for (let attempt = lane.ready.take(); attempt !== undefined; attempt = lane.ready.take()) {
    const { id: jobId, token } = attempt.job
    attempt.isGivenBack = true
    end(state, lane, attempt, { _tag: "Release", jobId, token, delayMillis: 0 })
  }
}

/**
 * Gives jobs back that were claimed ahead of handlers which turn out to take long: they would wait here for as long, with
 * other workers idle, and for ever when one of these handlers waits for one of them.
 *
 * **Ref** docs/semantics.md RUN-14
 */
export const giveBackLoop = (state: WorkerState): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      yield* state.holds.await
      const before = state.turnover
      const since = state.monotonicMillis()
      const roundTrip = Math.max(0, ...state.lanes.map((lane) => lane.prefetch.roundTripMillis))
      yield* Effect.provideService(Effect.sleep(Math.max(patienceMillis, 2 * roundTrip)), Waiting, "look")
      const holding = state.lanes.filter((lane) => lane.ready.size > 0)
      if (holding.length === 0) state.holds.closeUnsafe()
      if (state.turnover !== before) continue
      for (const lane of holding) if (!state.mayStart(lane)) giveBack(state, lane, state.monotonicMillis() - since)
    }
  })
