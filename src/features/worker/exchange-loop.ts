import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { ExchangeRequest, JobStore } from "../../ports/JobStore.ts"
import type { Attempt, Lane } from "./Lane.ts"
import { settled, start } from "./run-attempt.ts"
import type { WorkerState } from "./WorkerState.ts"

const backoff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(Schedule.jittered)

/** Asks until there is an answer: a repeated exchange changes nothing, so a lost reply costs only time. */
const exchange = (store: JobStore["Service"], request: ExchangeRequest) =>
  store.exchange(request).pipe(
    Effect.tapError((error) => Effect.logWarning(`queue ${request.queue}: ${error.message}`)),
    Effect.retry(backoff),
    // every StoreError is retried
    Effect.orDie
  )

/**
 * The loop of one queue: settles what has ended and claims for the room there is, in one round trip. What ends while
 * a round trip is under way travels with the next one, so batches grow with the load and never wait.
 */
export const exchangeLoop = (state: WorkerState, store: JobStore["Service"], lane: Lane): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      yield* lane.poke.await
      // one turn of the event loop: everything that ends in this turn goes together
      yield* Effect.yieldNow
      const settlements = lane.outgoing
      lane.outgoing = []
      const room = state.reserve(lane)
      if (settlements.length === 0 && (room === 0 || !lane.hungry)) {
        state.giveBack(room)
        lane.poke.closeUnsafe()
        continue
      }
      const sentAt = state.monotonicMillis()
      const { leaseMillis } = state.settings
      lane.exchanging = true
      const reply = yield* exchange(store, {
        queue: lane.queue,
        worker: state.id,
        settlements,
        ...(room > 0 ? { claim: { number: ++lane.claimNumber, limit: room, leaseMillis } } : {})
      })
      for (let i = 0; i < settlements.length; i++) settled(state, lane, settlements[i]!, reply.settled[i]!)
      state.extensions.report(lane.queue, reply)
      if (room > 0) {
        state.giveBack(room - reply.claimed.length)
        lane.hungry = reply.more
        const { nextInMillis } = reply
        lane.nextAt = nextInMillis === undefined ? Number.POSITIVE_INFINITY : state.monotonicMillis() + nextInMillis
        // what this exchange put off may be due before the time to which the wait for work was set
        if (lane.nextAt < state.waitsUntil) state.sooner.openUnsafe()
      }
      const attempts = reply.claimed.map((job): Attempt => {
        const attempt = {
          job,
          startedAt: undefined,
          trustedUntil: sentAt + leaseMillis,
          running: false,
          fiber: undefined,
          interruptedFor: undefined,
          observed: undefined
        }
        lane.attempts.set(job.token, attempt)
        return attempt
      })
      lane.exchanging = false
      for (const attempt of attempts) start(state, lane, attempt)
      if (lane.outgoing.length === 0 && !(lane.hungry && state.free > 0)) lane.poke.closeUnsafe()
      state.pokeAll()
      state.progress.openUnsafe()
    }
  })
