import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type { ExchangeRequest, JobStore } from "../../ports/JobStore.ts"
import type { Attempt, Lane } from "./Lane.ts"
import { end, settled, startReady } from "./run-attempt.ts"
import { sayFailure } from "./say-failure.ts"
import type { WorkerState } from "./WorkerState.ts"

/** A second at most, so that a worker goes on soon after a long outage. */
const backoff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("1 second")]).pipe(Schedule.jittered)

/** Asks until there is an answer: a repeated exchange changes nothing, so a lost reply costs only time. */
const exchange = (state: WorkerState, lane: Lane, store: JobStore["Service"], request: ExchangeRequest) =>
  store.exchange(request).pipe(
    Effect.tapError((error) => {
      state.stall(lane)
      return sayFailure(`queue ${request.queue}`)(error)
    }),
    Effect.retry(backoff),
    // every StoreError is retried
    Effect.orDie
  )

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
export const exchangeLoop = (state: WorkerState, store: JobStore["Service"], lane: Lane): Effect.Effect<void> =>
  Effect.gen(function* () {
    // after a bug in this loop: what it had asked for is not coming
    if (lane.exchanging) state.answered(lane, 0)
    lane.exchanging = false
    while (!lane.isOver) {
      yield* lane.poke.await
      lane.poke.closeUnsafe()
      const settlements = lane.outgoing
      lane.outgoing = []
      const room = state.ask(lane)
      if (settlements.length === 0 && room === 0) {
        startReady(state, lane)
        continue
      }
      const sentAt = state.monotonicMillis()
      const { leaseMillis } = state.settings
      lane.exchanging = true
      const sentNanos = state.monotonicNanos()
      const answer = yield* Effect.forkChild(
        exchange(state, lane, store, {
          queue: lane.queue,
          worker: state.id,
          settlements,
          ...(room > 0 ? { claim: { number: state.nextClaim(), limit: room, leaseMillis } } : {})
        }),
        { startImmediately: true }
      )
      // while the store works, so do the handlers
      startReady(state, lane)
      const reply = yield* Fiber.join(answer)
      lane.prefetch.exchanged(Number(state.monotonicNanos() - sentNanos) / 1_000_000)
      for (let i = 0; i < settlements.length; i++) settled(state, lane, settlements[i]!, reply.settled[i]!)
      state.extensions.report(lane.queue, reply)
      if (reply.endings.length > 0) state.relay.add(lane.queue, reply.endings)
      const startable = state.answered(lane, reply.claimed.length)
      if (room > 0) {
        lane.found(reply.claimed.length, reply.more)
        const { nextInMillis } = reply
        // a millisecond at least: the store's clock may be a little behind what it announced
        state.expect(lane, nextInMillis === undefined ? Infinity : state.monotonicMillis() + Math.max(1, nextInMillis))
      }
      const attempts = reply.claimed.map((job): Attempt => {
        const attempt: Attempt = {
          job,
          startedAt: undefined,
          trustedUntil: sentAt + leaseMillis,
          phase: "ready",
          fiber: undefined,
          interruptedFor: undefined,
          observed: undefined,
          sampledNanos: undefined
        }
        lane.attempts.set(job.token, attempt)
        return attempt
      })
      lane.exchanging = false
      // an answer that took longer than the leases: by now others may run these jobs
      const isLate = attempts.length > 0 && state.monotonicMillis() >= sentAt + leaseMillis
      for (let i = 0; i < attempts.length; i++) {
        const attempt = attempts[i]!
        if (i < startable && !isLate) lane.ready.push(attempt)
        else {
          const { id: jobId, token } = attempt.job
          end(state, lane, attempt, { _tag: "Release", jobId, token, delayMillis: 0 })
        }
      }
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
