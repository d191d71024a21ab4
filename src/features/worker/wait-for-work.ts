import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Waiting } from "../../ports/Waiting.ts"
import type { Wakeup, Wakeups } from "../../ports/Wakeups.ts"
import type { WorkerState } from "./WorkerState.ts"

/** How long no handler may have ended before a worker without room stops listening. */
const graceMillis = 250

/** An ear on the queues that were served at some time. */
interface Subscription {
  readonly version: number
  /** Absent when there were none. */
  readonly wakeup: Wakeup | undefined
  readonly scope: Scope.Closeable
}

/** Listens to the queues served now, until the scope closes or a later subscription takes its place. */
export const subscribe = Effect.fnUntraced(function* (
  state: WorkerState,
  wakeups: Wakeups["Service"],
  within: Scope.Scope
) {
  const { serving, version } = state
  const scope = yield* Scope.fork(within)
  const wakeup =
    serving.length === 0
      ? undefined
      : yield* wakeups.subscribe(serving.map(({ queue }) => queue)).pipe(
          Scope.provide(scope),
          Effect.onError(() => Scope.close(scope, Exit.void))
        )
  return { version, wakeup, scope } satisfies Subscription
})

/**
 * Ends when the worker has been without room for a while: a signal that it hears then is lost for others that could
 * follow it. While handlers come and go it goes on listening, for the next slot is near.
 */
const saturated = (state: WorkerState): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (true) {
      yield* state.full.await
      const before = state.turnover
      yield* Effect.sleep(graceMillis)
      if (state.full.isOpen() && state.turnover === before) return
    }
  })

/** Listens while some lane has room and no work, and sends every lane looking when something may have changed. */
export const waitLoop = (
  state: WorkerState,
  wakeups: Wakeups["Service"],
  within: Scope.Scope,
  first: Subscription
): Effect.Effect<never> => {
  let current = first
  const renew = Effect.gen(function* () {
    const old = current
    current = yield* subscribe(state, wakeups, within)
    yield* Scope.close(old.scope, Exit.void)
    // the old ear may have taken a signal with it
    state.lookEverywhere()
  }).pipe(
    // the old ear stays, and the next turn tries again
    Effect.catch((error) => Effect.logWarning(`the worker does not hear of its new queues yet: ${error.message}`))
  )
  const looking = Effect.sync(() => {
    state.lookEverywhere()
    // with one queue there is nothing to share out among others that may become free in the same turn
    if (state.lanes.length === 1) state.shareOut()
  })
  return Effect.gen(function* () {
    while (true) {
      yield* state.idle.await
      state.changed.closeUnsafe()
      if (current.version !== state.version) yield* renew
      const { pollMillis } = state.settings
      const signal = current.wakeup === undefined ? Effect.sleep(pollMillis) : current.wakeup.wait(pollMillis)
      yield* Effect.raceAllFirst([
        // first of all the worker looks, and only then the race is wound up
        Effect.andThen(signal, looking),
        Effect.andThen(state.changed.await, looking),
        Effect.andThen(saturated(state), looking)
      ]).pipe(Effect.provideService(Waiting, "look"))
    }
  })
}
