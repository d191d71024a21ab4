import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type { ExchangeRequest, JobStore, Settlement } from "../../ports/JobStore.ts"
import { Asked } from "./Asked.ts"
import { isPutOff, type Lane } from "./Lane.ts"
import { receive } from "./receive.ts"
import { settled, startReady } from "./run-attempt.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { sayFailure } from "./say-failure.ts"
import type { WorkerState } from "./WorkerState.ts"

/** A second at most, so that a worker goes on soon after a long outage. */
const backoff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("1 second")]).pipe(Schedule.jittered)

/** Asks until there is an answer: a repeated exchange changes nothing, so a lost reply costs only time. */
const exchange = (state: WorkerState, lane: Lane, store: JobStore["Service"], request: ExchangeRequest) => {
  const ask = store.exchange(request)
  const failed = (error: StoreError) => {
    state.stall(lane, error.reason)
    return sayFailure(`queue ${request.queue}`)(error)
  }
  // what repeats is made only when something is to be repeated
  return ask.pipe(
    Effect.catch((first) =>
      Effect.andThen(
        failed(first),
        ask.pipe(
          Effect.tapError(failed),
          Effect.retry(backoff),
          Effect.delay("100 millis"),
          // every StoreError is retried
          Effect.orDie
        )
      )
    )
  )
}

/** While the store works, so do the handlers. */
const meanwhile = <A>(exchange: Effect.Effect<A>, start: () => void): Effect.Effect<A> =>
  Effect.flatMap(Effect.forkChild(exchange, { startImmediately: true }), (answer) => {
    start()
    return Fiber.join(answer)
  })

/** Starts what is ready and could not be started before. */
export const startLoop = (state: WorkerState, lane: Lane): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      yield* lane.startable.await
      yield* Effect.yieldNow
      lane.startable.closeUnsafe()
      startReady(state, lane)
    }
  })

/**
 * The loop of one queue: settles what has ended and claims for the room it was given, in one round trip. What ends
 * while a round trip is under way travels with the next one, so batches grow with the load and never wait. It ends when
 * the queue is not served any more and everything in it has ended.
 */
export const exchangeLoop = (state: WorkerState, store: JobStore["Service"], lane: Lane): Effect.Effect<void> => {
  // what is told by the exchange under way
  let settlements: ReadonlyArray<Settlement> = []
  return Effect.gen(function* () {
    // after a bug in this loop: what it had told and asked for goes out again, which changes nothing where it got through
    if (lane.exchanging) state.answered(lane)
    lane.exchanging = false
    lane.outgoing = [...settlements, ...lane.outgoing]
    settlements = []
    lane.hungry = true
    state.look.openUnsafe()
    while (!lane.isOver) {
      if (!lane.poke.isOpen()) lane.resting.openUnsafe()
      yield* lane.poke.await
      lane.poke.closeUnsafe()
      settlements = lane.tell()
      const room = state.ask(lane)
      const closes = state.mustClose(lane)
      if (settlements.length === 0 && room === 0 && !closes) {
        startReady(state, lane)
        continue
      }
      // when these are due is told by a claim, which there is no room for now
      if (room === 0 && settlements.some(isPutOff)) lane.hungry = true
      const knewOfMore = lane.backlogged
      const { leaseMillis } = state.settings
      // asking for nothing tells what an earlier claim has brought, leaves it nothing to bring later, and signals what waits
      const claim = room > 0 || closes ? { number: state.openClaim(lane), limit: room, leaseMillis } : undefined
      const request = new Asked(lane.queue, state.id, settlements, claim)
      lane.exchanging = true
      lane.resting.closeUnsafe()
      lane.closing = closes && settlements.length === 0
      if (closes) lane.owes = false
      const sentNanos = state.monotonicNanos()
      const reply = yield* lane.ready.size === 0
        ? exchange(state, lane, store, request)
        : meanwhile(exchange(state, lane, store, request), () => startReady(state, lane))
      const answeredNanos = state.monotonicNanos()
      // one that was repeated tells of an outage, and not of the way there
      if (!lane.stalled) lane.prefetch.exchanged(Number(answeredNanos - sentNanos) / 1_000_000)
      state.heard(lane, answeredNanos)
      for (let i = 0; i < settlements.length; i++) settled(state, lane, settlements[i]!, reply.settled[i]!)
      state.answered(lane)
      lane.exchanging = false
      settlements = []
      receive(state, lane, request, reply)
      if (room > 0 && request.settlements.length > 0 && !knewOfMore) lane.lucky = reply.claimed.length > 0
      state.progress.openUnsafe()
      // the next exchange, if there is reason for one, goes before the handlers
      if (state.lanes.length === 1) state.shareOut()
      else state.look.openUnsafe()
      if (!lane.poke.isOpen()) {
        startReady(state, lane)
        // what ended at once is settled at once, and not a turn of the event loop later
        if (state.lanes.length === 1 && lane.running === 0 && lane.outgoing.length > 0) state.shareOut()
      }
    }
    state.forget(lane)
  })
}
