import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Waiting } from "../../ports/Waiting.ts"
import type { Wakeup, Wakeups } from "../../ports/Wakeups.ts"
import type { Lane } from "./Lane.ts"
import { WaitingClaims } from "./WaitingClaims.ts"
import type { WorkerState } from "./WorkerState.ts"

/** How long no handler may have ended before a worker without room stops listening. */
const graceMillis = 250

/** An ear on the queues that were served at some time. */
interface Subscription {
  readonly version: number
  readonly lanes: ReadonlyArray<Lane>
  /** Absent when there were none. */
  readonly wakeup: Wakeup | undefined
  readonly claims: WaitingClaims
  readonly scope: Scope.Closeable
}

/** Listens to the queues served now, until the scope closes or a later subscription takes its place. */
export const subscribe = Effect.fnUntraced(function* (
  state: WorkerState,
  wakeups: Wakeups["Service"],
  within: Scope.Scope
) {
  const { serving, version } = state
  const claims = new WaitingClaims(state)
  const scope = yield* Scope.fork(within)
  for (const lane of serving) lane.isHeard = true
  const wakeup =
    serving.length === 0
      ? undefined
      : yield* wakeups
          .subscribe(
            serving.map(({ queue }) => queue),
            claims
          )
          .pipe(
            Scope.provide(scope),
            Effect.onError(() => Scope.close(scope, Exit.void))
          )
  return { claims, lanes: serving, version, wakeup, scope } satisfies Subscription
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
    state.listens(current.lanes)
    state.lookEverywhere()
  }).pipe(
    // the old ear stays, and the next turn tries again
    Effect.catch((error) => Effect.logWarning(`the worker does not hear of its new queues yet: ${error.message}`))
  )
  /** Whether a signal came while there was no room for what it tells of. */
  let owes = false
  const looking = Effect.sync(() => {
    owes ||= state.lanes.every((lane) => state.isFull(lane))
    state.lookEverywhere()
    // with one queue there is nothing to share out among others that may become free in the same turn
    if (state.lanes.length === 1) state.shareOut()
  })
  // claims come along with waits for one queue only, if it is served still
  const rested = Effect.suspend(() => state.lanes[0]?.resting.await ?? Effect.void)
  /** Whether what comes along with waits leaves nothing to do but to wait again. */
  const goesOn = (): boolean =>
    state.idle.isOpen() &&
    !state.changed.isOpen() &&
    current.version === state.version &&
    state.lanes[0]?.resting.isOpen() === true &&
    state.hasUseOfSignals
  const listening = (signal: Effect.Effect<void>, claims: WaitingClaims) =>
    Effect.gen(function* () {
      do {
        claims.isFed = false
        yield* signal
        // first of all the worker looks, and only then the race is wound up
        if (!claims.isFed) return yield* looking
        // what these jobs have to tell by now is answered before the next wait begins
        yield* rested
      } while (goesOn())
    })
  return Effect.gen(function* () {
    while (true) {
      if (owes && current.wakeup !== undefined) {
        // a slot that comes free soon makes use of it, and a claim that leaves jobs behind signals them
        yield* Effect.raceFirst(Effect.andThen(saturated(state), current.wakeup.pass), state.idle.await).pipe(
          Effect.provideService(Waiting, "look")
        )
        // the next ear does not know what this one has heard
        if (state.changed.isOpen()) yield* current.wakeup.pass
      }
      owes = false
      yield* state.idle.await
      const lone = state.lanes.length === 1 ? state.lanes[0]! : undefined
      if (lone?.resting.isOpen() === false) {
        // what it has to tell goes first, and its answer may change what there is to wait for
        yield* lone.resting.await
        continue
      }
      state.changed.closeUnsafe()
      if (current.version !== state.version) yield* renew
      const { pollMillis } = state.settings
      if (!state.hasUseOfSignals) {
        state.idle.closeUnsafe()
        continue
      }
      const { claims, wakeup } = current
      yield* Effect.raceAllFirst([
        listening(wakeup === undefined ? Effect.sleep(pollMillis) : wakeup.wait(pollMillis), claims),
        Effect.andThen(state.changed.await, looking),
        Effect.andThen(saturated(state), looking)
      ]).pipe(Effect.provideService(Waiting, "look"))
    }
  })
}
