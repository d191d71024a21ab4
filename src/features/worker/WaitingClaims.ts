import * as Effect from "effect/Effect"
import type { ExchangeReply, ExchangeRequest, Settlement } from "../../ports/JobStore.ts"
import type { Claimant, WaitingClaim } from "../../ports/Wakeups.ts"
import { Asked } from "./Asked.ts"
import { receive } from "./receive.ts"
import { startReady } from "./run-attempt.ts"
import { sayFailure } from "./say-failure.ts"
import type { WorkerState } from "./WorkerState.ts"

/** The part of its lease that a claim may wait at most: jobs it brings are trusted from when it was made. */
const partOfLease = 4

/** Leases too short for a claim to wait are those of which this would be a second or less. */
const leastMillis = 1000

/** Of the time after which the worker looks by itself: a claim that waited this long has looked. */
const partOfPoll = 0.8

const none: ReadonlyArray<Settlement> = []

/** Claims along with the waits of a worker of one queue, and with the enqueues of its process. */
export class WaitingClaims implements Claimant {
  /** Whether an answer has come that spares the worker a look. */
  isFed = false
  readonly #state: WorkerState
  /** The last that was made for a wait. */
  #waiting: ExchangeRequest | undefined

  constructor(state: WorkerState) {
    this.#state = state
  }

  claim(): WaitingClaim | undefined {
    const { leaseMillis, pollMillis } = this.#state.settings
    if (leaseMillis < partOfLease * leastMillis) return undefined
    const request = this.#open()
    if (request === undefined) return undefined
    this.#waiting = request
    return { request, forMillis: Math.min(leaseMillis / partOfLease, pollMillis * partOfPoll) }
  }

  claimNow(queue: string, kind: string): ExchangeRequest | undefined {
    const lane = this.#state.lanes[0]
    // others may have a handler, and are told
    if (lane?.queue !== queue || !this.#state.runnables.has(kind)) return undefined
    if (lane.openClaim === undefined) return this.#open()
    // the one that waits, unless the worker asks for it again
    const waits = this.#waiting?.claim?.number === lane.openClaim && this.#state.isCalm(lane)
    return waits ? new Asked(queue, this.#waiting!.worker, none, this.#waiting!.claim) : undefined
  }

  #open(): ExchangeRequest | undefined {
    const { id: worker, lanes, settings } = this.#state
    const lane = lanes[0]
    const limit = lane === undefined ? 0 : this.#state.askAhead(lane)
    if (lane === undefined || limit === 0) return undefined
    const claim = { number: this.#state.openClaim(lane), limit, leaseMillis: settings.leaseMillis }
    return new Asked(lane.queue, worker, none, claim)
  }

  take(request: ExchangeRequest, reply: ExchangeReply): boolean {
    const state = this.#state
    const lane = state.laneOf(request.queue)
    if (lane === undefined) {
      this.#release(request, reply)
      return false
    }
    if (!receive(state, lane, request, reply)) return false
    // what came along with an enqueue leaves the wait as it is
    if (request === this.#waiting) this.isFed = true
    // several jobs, or one while others run: when they end there may be another
    lane.lucky = reply.claimed.length + lane.running + lane.outgoing.length > 1
    state.progress.openUnsafe()
    if (state.lanes.length === 1) {
      // shared out below, so those that end at once need not ask for it
      state.sharesNext = true
      startReady(state, lane)
      state.shareOut()
    } else {
      startReady(state, lane)
      state.look.openUnsafe()
    }
    return true
  }

  forgo({ claim, queue }: ExchangeRequest): void {
    const lane = this.#state.laneOf(queue)
    if (lane === undefined || claim === undefined || lane.openClaim !== claim.number) return
    if (!this.#state.isCalm(lane)) return
    // what is claimed by it later would be trusted from when it was made; the one that waits is still under way
    if (this.#waiting?.claim?.number !== claim.number) lane.openClaim = undefined
  }

  lose({ claim, queue }: ExchangeRequest): void {
    const lane = this.#state.laneOf(queue)
    if (lane === undefined || lane.openClaim !== claim?.number) return
    lane.hungry = true
    this.#state.look.openUnsafe()
  }

  /** Gives back what came when the queue was not served any more. */
  #release({ queue, worker }: ExchangeRequest, { claimed }: ExchangeReply): void {
    if (claimed.length === 0) return
    const settlements = claimed.map(({ id, token }): Settlement => ({
      _tag: "Release",
      jobId: id,
      token,
      delayMillis: 0
    }))
    const { services, store } = this.#state
    Effect.runForkWith(services)(
      store.exchange({ queue, worker, settlements }).pipe(Effect.catch(sayFailure(`queue ${queue}`)))
    )
  }
}
