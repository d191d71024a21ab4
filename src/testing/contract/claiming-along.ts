import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { type ExchangeReply, type ExchangeRequest, JobStore } from "../../ports/JobStore.ts"
import { type Claimant, type WaitingClaim, Wakeups } from "../../ports/Wakeups.ts"
import { Echo, eventually } from "./worker-support.ts"

/**
 * A backend that claims along with waits, and does each step when the test says so, beside a store that keeps what it
 * was asked.
 */
export const claimingAlong = Effect.gen(function* () {
  const store = yield* JobStore
  const claims: Array<NonNullable<ExchangeRequest["claim"]>> = []
  const ear = Latch.makeUnsafe(false)
  const open = Latch.makeUnsafe(true)
  let silent = false
  let claimant: Claimant | undefined
  let served: string | undefined
  let waiting: WaitingClaim | undefined

  const wakeups = Wakeups.of({
    subscribe: (names, given) =>
      Effect.sync(() => {
        claimant = given
        served = names[0]
        return {
          wait: (millis) =>
            Effect.suspend(() => {
              ear.closeUnsafe()
              waiting ??= given?.claim()
              return Effect.raceFirst(ear.await, Effect.sleep(millis))
            }),
          pass: Effect.void
        }
      })
  })
  const spy = JobStore.of({
    ...store,
    exchange: (request) => {
      if (request.claim !== undefined) claims.push(request.claim)
      return Effect.tap(store.exchange(request), open.await)
    },
    extendLeases: (request) => (silent ? Effect.never : store.extendLeases(request))
  })

  const nowOf = (kind: string) => Effect.sync(() => claimant!.claimNow(served!, kind))
  const now = nowOf(Echo.kind)

  return {
    layer: Layer.mergeAll(Layer.succeed(Wakeups, wakeups), Layer.succeed(JobStore, spy)),
    /** What the worker itself claimed, and not along with a wait. */
    claims,
    /** Holds back the answers to what the worker itself asks. */
    hold: open.close,
    letGo: open.open,
    /** Answers no extension of leases any more. */
    silence: Effect.sync(() => {
      silent = true
    }),
    /** The claim that waits, once there is one. */
    waiting: Effect.andThen(
      eventually(Effect.sync(() => waiting !== undefined)),
      Effect.sync(() => waiting!)
    ),
    hasNone: Effect.sync(() => waiting === undefined),
    carryOut: ({ request }: WaitingClaim) => store.exchange(request),
    /** Gives the worker an answer, and ends its wait. */
    deliver: ({ request }: WaitingClaim, reply: ExchangeReply) =>
      Effect.sync(() => {
        waiting = undefined
        const isNew = claimant!.take(request, reply)
        ear.openUnsafe()
        return isNew
      }),
    /** What the worker claims along with an enqueue now, if anything. */
    now,
    /** The same for jobs of another kind. */
    nowOf,
    /** The same, once it does. */
    along: Effect.suspend(() => {
      let request: ExchangeRequest | undefined
      const asked = Effect.map(now, (claimed) => (request = claimed) !== undefined)
      return Effect.map(eventually(asked), () => request!)
    }),
    /** Gives it what that brought, while it waits on. */
    bring: (request: ExchangeRequest, reply: ExchangeReply) => Effect.sync(() => claimant!.take(request, reply)),
    /** Tells it that this may have been lost. */
    mislay: (request: ExchangeRequest) => Effect.sync(() => claimant!.lose(request)),
    /** Tells it that this was not carried out. */
    forgo: (request: ExchangeRequest) => Effect.sync(() => claimant!.forgo(request)),
    /** Ends the wait as if there had been a signal and nothing else. */
    signal: Effect.sync(() => ear.openUnsafe()),
    /** Ends the wait as if the answer had been lost. */
    lose: Effect.sync(() => {
      waiting = undefined
      ear.openUnsafe()
    })
  }
})

export type ClaimingAlong = Effect.Success<typeof claimingAlong>
