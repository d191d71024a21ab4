import * as Effect from "effect/Effect"
import { Waiting } from "../../ports/Waiting.ts"
import { interrupt } from "./Lane.ts"
import { releaseReady } from "./run-attempt.ts"
import type { WorkerState } from "./WorkerState.ts"

/** How long interrupted handlers may take to clean up, and the last settlements to be accepted. */
const lastMillis = 5000

const until = (state: WorkerState, isSo: () => boolean, millis: number): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    while (!isSo()) {
      state.progress.closeUnsafe()
      yield* state.progress.await
    }
    return true
  }).pipe(
    Effect.timeoutOrElse({ duration: millis, orElse: () => Effect.sync(isSo) }),
    Effect.provideService(Waiting, "stop")
  )

const attemptsOf = (state: WorkerState) => state.lanes.flatMap((lane) => [...lane.attempts.values()])

/**
 * Stops claiming, lets handlers finish, interrupts those that take too long, and waits until the store knows how
 * everything ended. Leases are extended all the while.
 */
export const shutdown = (state: WorkerState): Effect.Effect<void> =>
  Effect.gen(function* () {
    state.stop()
    state.ending = true
    for (const lane of state.lanes) releaseReady(state, lane)
    // the reply to an exchange under way may bring jobs, which are to be released
    const quiet = () => state.lanes.every((lane) => !lane.exchanging || lane.closing)
    const settled = () => quiet() && state.lanes.every((lane) => lane.isSettled)
    const ended = () => quiet() && attemptsOf(state).every((attempt) => attempt.phase !== "running")

    if (!(yield* until(state, ended, state.settings.drainMillis))) {
      for (const attempt of attemptsOf(state)) interrupt(attempt, "shutdown")
      yield* until(state, ended, lastMillis)
    }
    yield* until(state, settled, lastMillis)

    for (const { job, phase } of attemptsOf(state)) {
      yield* Effect.logWarning(
        phase === "running"
          ? `the handler of job ${job.id} does not end; its job runs again after its lease`
          : `the end of job ${job.id} could not be recorded; it runs again after its lease`
      )
    }
  })
