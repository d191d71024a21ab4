import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { Notice } from "../../ports/Notices.ts"
import { interrupt } from "./Lane.ts"
import type { WorkerState } from "./WorkerState.ts"

/**
 * Interrupts handlers whose job somebody cancels; the next extension of the lease would tell as well, only later.
 * Claims nothing more once somebody asks for quiet.
 */
export const cancelLoop = (state: WorkerState, inbox: Queue.Dequeue<Notice>): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      const notice = yield* Queue.take(inbox)
      if (notice._tag === "Quiet" && !state.stopping) {
        yield* Effect.logInfo(`${state.id} was told to be quiet: it finishes what it runs and claims nothing more`)
        // idle lanes give back what they were granted, and their reports say so
        state.stop()
      }
      if (notice._tag !== "CancelRequested") continue
      const { queue, reason, token } = notice
      const attempt = state.laneOf(queue)?.attempts.get(token)
      if (attempt === undefined) state.cancelledEarly.add(queue, token, reason)
      else {
        attempt.cancelReason = reason
        interrupt(attempt, "cancelled")
      }
    }
  })
