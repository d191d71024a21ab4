import * as Effect from "effect/Effect"
import type { JobStore } from "../../ports/JobStore.ts"
import { Waiting } from "../../ports/Waiting.ts"
import { interrupt, type Lane } from "./Lane.ts"
import { Overstays } from "./Overstays.ts"
import { about } from "./WorkerReport.ts"
import { sayFailure } from "./say-failure.ts"
import type { WorkerState } from "./WorkerState.ts"

const extend = Effect.fnUntraced(function* (state: WorkerState, store: JobStore["Service"], lane: Lane) {
  const sentAt = state.monotonicMillis()
  yield* Effect.gen(function* () {
    const attempts = [...lane.attempts.values()]
    const { leaseMillis } = state.settings
    const held = yield* store.extendLeases({
      queue: lane.queue,
      worker: state.id,
      leases: attempts.map(({ job }) => ({ jobId: job.id, token: job.token })),
      leaseMillis,
      about: about(state, lane)
    })
    state.extended(lane, sentAt)
    for (let i = 0; i < attempts.length; i++) {
      const attempt = attempts[i]!
      if (held[i] === "cancel") interrupt(attempt, "cancelled")
      // an earlier extension may be answered later
      if (held[i] !== "lost") attempt.trustedUntil = Math.max(attempt.trustedUntil, sentAt + leaseMillis)
      else interrupt(attempt, "lease lost")
    }
  }).pipe(
    Effect.tapError(({ reason }) => Effect.sync(() => state.extended(lane, sentAt, reason))),
    Effect.catch(sayFailure(`lease extension of queue ${lane.queue}`))
  )
})

/** Extensions under way at most: the next one is not held up by a long way to the store, and none pile up. */
const most = 2

/**
 * Keeps the leases of a lane: extends them with every heartbeat, and interrupts a handler as soon as its lease
 * is known to be lost or cannot be trusted any more, because no extension got through in time. Says which handlers do
 * not end though they were told to.
 */
export const extendLoop = (state: WorkerState, store: JobStore["Service"], lane: Lane): Effect.Effect<never> =>
  Effect.gen(function* () {
    const { heartbeatMillis, leaseMillis } = state.settings
    // leases are watched more often than extended
    const turns = Math.max(2, Math.ceil((6 * heartbeatMillis) / leaseMillis))
    const overstays = new Overstays()
    let underWay = 0
    // at once, and also when idle: it is how the worker is known to be there
    for (let turn = 0; ; turn++) {
      if (turn % turns === 0 && underWay < most) {
        underWay++
        // not awaited: while the store is out of reach, leases must still be watched
        yield* extend(state, store, lane).pipe(
          Effect.ensuring(
            Effect.sync(() => {
              underWay--
            })
          ),
          Effect.forkChild
        )
      }
      const now = state.monotonicMillis()
      for (const attempt of lane.attempts.values()) {
        if (attempt.trustedUntil <= now) interrupt(attempt, "lease lost")
      }
      overstays.look(state, lane, now)
      yield* Effect.provideService(Effect.sleep(heartbeatMillis / turns), Waiting, "heartbeat")
    }
  })
