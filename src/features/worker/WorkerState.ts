import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import type { Backoff } from "../../domain/Backoff.ts"
import type { EpochMillis } from "../../domain/Job.ts"
import type { Entry, Queues } from "../../domain/Queues.ts"
import type { AnyTask } from "../../domain/Task.ts"
import type { JobStore, PrunePolicy } from "../../ports/JobStore.ts"
import type { StoreErrorReason } from "../../ports/StoreError.ts"
import { Loops } from "../loops/Loops.ts"
import type { Extensions } from "./Extensions.ts"
import type { BoundHandler } from "./Handler.ts"
import type { Pool } from "./Pool.ts"
import { Prefetch } from "./Prefetch.ts"
import { Lane } from "./Lane.ts"
import { EarlyCancels } from "./EarlyCancels.ts"
import { EndingsRelay } from "./EndingsRelay.ts"
import { type Contender, shareByOrder, shareByWeight } from "./share-slots.ts"

/** A worker's options, with every default filled in and every duration in milliseconds. */
export interface Settings {
  readonly queues: Queues
  readonly concurrency: number
  readonly leaseMillis: number
  readonly heartbeatMillis: number
  readonly pollMillis: number
  readonly sweepMillis: number
  /** What its sweeps remove. */
  readonly policy: PrunePolicy
  readonly drainMillis: number
  readonly unknownKindDelayMillis: number
  /** Absent: as many as is measured to be of use. */
  readonly prefetch: number | undefined
  readonly maxResultBytes: number
  /** The waits of jobs whose task says nothing of them, by queue. */
  readonly backoffs: Readonly<Record<string, Backoff>>
}

export interface Runnable {
  readonly task: AnyTask
  readonly handler: BoundHandler
}

/** Most jobs one exchange asks for, so that no script runs long. */
const claimLimit = 1000

/** Shards of a queue that fill a worker with what each is given at once: the fewer, the fewer round trips. */
const shardsAtOnce = 8

/** Whole milliseconds; dividing a bigint would take longer. */
export const millisOf = (nanos: bigint): number => Math.floor(Number(nanos) / 1_000_000)

/** What the loop that claims from a queue is called. */
export const claimLoopOf = (queue: string): string => `claim loop of queue ${queue}`

/**
 * What the loops of one worker share. Everything changes between two steps of the event loop, so plain fields do.
 *
 * A slot is room for one job. A lane is granted slots, asks the store for as many jobs, gives back those that brought
 * none, and the others as their handlers end. There are as many as handlers may run at once; while one queue is served
 * and its handlers are quick, some more are lent, so that jobs are there when a handler ends.
 */
export class WorkerState {
  readonly id: string
  readonly settings: Settings
  readonly runnables: ReadonlyMap<string, Runnable>
  readonly services: Context.Context<never>
  /** By the worker's own clock. */
  readonly startedAt: EpochMillis
  readonly store: JobStore["Service"]
  readonly extensions: Extensions
  readonly relay = new EndingsRelay()
  /** Replaced, never changed, when queues come and go. Those that were removed stay until their jobs have ended. */
  lanes: ReadonlyArray<Lane> = []
  /** Grows when a queue is added or removed. */
  version = 0
  concurrency: number
  /** Handlers that run, of all lanes. */
  running = 0
  /** Slots held by all lanes. */
  held = 0
  /** Slots given back by handlers that ended. */
  turnover = 0
  /** Claims nothing more, told so by whom it may. */
  stopping = false
  /** Attempts whose cancellation was heard of before their claim was answered. */
  readonly cancelledEarly = new EarlyCancels()
  /** Stops because its scope closes. */
  ending = false
  /** The monotonic instant of the store's latest answer. */
  answeredNanos: bigint | undefined
  readonly loops = new Loops()
  /** Whether whoever runs now shares out room next; until then. */
  sharesNext = false
  /** Open when room is to be shared out, or a lane has something to send. */
  readonly look = Latch.makeUnsafe(true)
  /** Open while some lane has room and no work, so that somebody should listen for signals. */
  readonly idle = Latch.makeUnsafe(false)
  /** Open while jobs may stand ready for which no slot is free. */
  readonly holds = Latch.makeUnsafe(false)
  /** Open while no slot is free. */
  readonly full = Latch.makeUnsafe(false)
  /** Opened when queues have come or gone. */
  readonly changed = Latch.makeUnsafe(false)
  /** Opened when something becomes due before the instant that is waited for, or nothing does any more. */
  readonly sooner = Latch.makeUnsafe(false)
  /** The monotonic instant that is waited for. */
  waitsUntil = Number.POSITIVE_INFINITY
  /** Released whenever a handler has ended or a lane has sent everything; for whoever waits for the end. */
  readonly progress = Latch.makeUnsafe(false)
  readonly clock: Clock.Clock
  readonly #random: (typeof Random.Random)["Service"]
  #claims = 0
  /** The latest virtual time at which anybody was served; a lane joins there when nobody has work. */
  #time = 0
  #turns = 0

  constructor(
    id: string,
    settings: Settings,
    runnables: ReadonlyMap<string, Runnable>,
    services: Context.Context<never>,
    store: JobStore["Service"],
    extensions: Extensions
  ) {
    this.id = id
    this.settings = settings
    this.runnables = runnables
    this.services = services
    this.clock = Context.get(services, Clock.Clock)
    this.#random = Context.get(services, Random.Random)
    this.startedAt = this.clock.currentTimeMillisUnsafe()
    this.store = store
    this.extensions = extensions
    this.concurrency = settings.concurrency
  }

  /** Milliseconds that never go back, for leases as this worker sees them. */
  monotonicMillis(): number {
    return millisOf(this.monotonicNanos())
  }

  random(): number {
    return this.#random.nextDoubleUnsafe()
  }

  monotonicNanos(): bigint {
    return this.clock.monotonicTimeNanosUnsafe()
  }

  /** Slots lent beyond the handlers that may run. With several queues none: jobs held here would be out of their order. */
  get lent(): number {
    return this.lanes.length === 1 ? this.lanes[0]!.prefetch.ahead(this.concurrency) : 0
  }

  /** Whether some lane has room, and no other reason to ask for jobs than a signal. */
  get hasUseOfSignals(): boolean {
    const { lent } = this
    if (this.stopping || this.concurrency + lent <= this.held) return false
    return this.lanes.some((lane) => lane.serving && !lane.hungry && lane.asked === 0 && lane.room(lent) > 0)
  }

  /** Whether a lane cannot ask for jobs now, whatever is there. */
  isFull(lane: Lane): boolean {
    return this.stopping || !lane.serving || this.concurrency <= this.held || lane.room(0) <= 0
  }

  /** Whether one more handler of a lane may start. */
  mayStart(lane: Lane): boolean {
    return this.running < this.concurrency && lane.running < lane.limit
  }

  /** Takes no more jobs from now on, and hears no more signals, which others can use. */
  stop(): void {
    this.stopping = true
    this.changed.openUnsafe()
    this.look.openUnsafe()
  }

  get serving(): ReadonlyArray<Lane> {
    return this.lanes.filter((lane) => lane.serving)
  }

  laneOf(queue: string): Lane | undefined {
    return this.lanes.find((lane) => lane.queue === queue)
  }

  /** Serves a queue, which may be a shard, from now on; its lane, and whether that is a new one. */
  serve(entry: Entry, pool?: Pool): { readonly lane: Lane; readonly isNew: boolean } {
    const known = this.laneOf(entry.name)
    const lane = known ?? new Lane(entry.name, new Prefetch(this.settings.prefetch))
    lane.serve(entry, pool)
    // the order of lanes is that of strict queues: one that comes back is the last again
    this.lanes = [...this.lanes.filter((other) => other !== lane), lane]
    this.#queuesChanged()
    return { lane, isNew: known === undefined }
  }

  /** Claims nothing more from a queue; its lane goes when everything has ended. */
  leave(lane: Lane): void {
    lane.serving = false
    lane.poke.openUnsafe()
    this.#queuesChanged()
  }

  forget(lane: Lane): void {
    this.loops.remove(claimLoopOf(lane.queue))
    this.lanes = this.lanes.filter((other) => other !== lane)
    lane.resting.openUnsafe()
    this.progress.openUnsafe()
  }

  #queuesChanged(): void {
    this.version++
    this.changed.openUnsafe()
    for (const lane of this.lanes) lane.resting.openUnsafe()
    this.idle.openUnsafe()
    this.look.openUnsafe()
  }

  /**
   * The number of a lane's next claim: that of the one whose answer has not come, if there is one. Claims are numbered
   * across lanes: a queue that is added again goes on where it was.
   */
  openClaim(lane: Lane): number {
    if (lane.openClaim === undefined) {
      lane.openClaim = ++this.#claims
      lane.openSince = this.monotonicMillis()
    }
    return lane.openClaim
  }

  /**
   * Whether a lane must claim no jobs before it may end: that tells what an earlier claim has brought, and passes a signal
   * on when jobs wait.
   */
  mustClose(lane: Lane): boolean {
    return (lane.openClaim !== undefined || lane.owes) && (this.stopping || !lane.serving)
  }

  /** An ear listens for these lanes, and none any more for others. */
  listens(lanes: ReadonlyArray<Lane>): void {
    for (const lane of this.lanes) {
      if (!lane.isHeard || lanes.includes(lane)) continue
      lane.isHeard = false
      lane.owes = true
      lane.poke.openUnsafe()
    }
  }

  /** Whether the only lane goes on serving, and neither asks for jobs by itself nor is about to. */
  isCalm(lane: Lane): boolean {
    if (this.lanes.length > 1 || this.stopping || !lane.serving) return false
    return !lane.hungry && lane.granted === 0 && lane.asked === 0 && !lane.stalled
  }

  /** For how many jobs a lane may ask along with a wait; none while it has a claim under way, or reason to ask at once. */
  askAhead(lane: Lane): number {
    if (lane.openClaim !== undefined || !this.isCalm(lane)) return 0
    const { lent } = this
    this.#lend(lane)
    return Math.max(0, Math.min(this.concurrency + lent - this.held, lane.room(lent), claimLimit))
  }

  /** Takes a lane's grant for an exchange, which `answered` ends. Answers for how many jobs it may ask. */
  ask(lane: Lane): number {
    const room = lane.granted
    lane.granted = 0
    if (this.stopping || !lane.serving) {
      this.#free(lane, room)
      return 0
    }
    lane.asked = room
    // a signal from now on is one that this exchange may have missed
    if (room > 0) lane.hungry = false
    return room
  }

  /** An exchange got no answer and is repeated: meanwhile its lane holds up nobody and keeps no room. */
  stall(lane: Lane, why: StoreErrorReason): void {
    lane.stalled = true
    lane.unanswered = why
    this.#free(lane, lane.asked)
    lane.asked = 0
    this.look.openUnsafe()
  }

  /** The store has answered an exchange. */
  heard(lane: Lane, atNanos: bigint): void {
    this.answeredNanos = atNanos
    lane.unanswered = undefined
    lane.unextended = undefined
  }

  /** The store has answered an extension, or not: `why` is what it failed with. */
  extended(lane: Lane, sentMillis: number, why?: StoreErrorReason): void {
    if (why === undefined) {
      this.answeredNanos = this.monotonicNanos()
      lane.unextended = undefined
    } else if (this.answeredNanos === undefined || millisOf(this.answeredNanos) < sentMillis) {
      // an answer that came since then tells more
      lane.unextended = why
    }
  }

  /** Takes a lane's exchange for ended. */
  answered(lane: Lane): void {
    this.#free(lane, lane.asked)
    lane.asked = 0
    lane.stalled = false
  }

  /**
   * Gives slots to jobs that a claim has brought; an exchange that asks for the same ones, or is about to, brings no others.
   * Answers how many of them may start; the others, for which there is no room any more, are to be released.
   */
  received(lane: Lane, claimed: number): number {
    this.#free(lane, lane.asked + lane.granted - claimed)
    lane.asked = 0
    lane.granted = 0
    lane.served += claimed
    if (claimed > 0) this.#time = Math.max(this.#time, lane.time)
    const { lent, pool } = lane
    const overOwn = Math.max(lane.held - lane.limit, pool === undefined ? 0 : pool.held - pool.limit)
    const over = lane.serving ? Math.max(this.held - this.concurrency, overOwn) - lent : claimed
    return Math.max(0, claimed - Math.max(0, over))
  }

  /** Gives back the slot of an attempt that has ended. */
  giveBack(lane: Lane): void {
    this.#free(lane, 1)
    this.turnover++
    if (!this.sharesNext) this.look.openUnsafe()
  }

  #free(lane: Lane, count: number): void {
    lane.held -= count
    this.held -= count
    if (lane.pool !== undefined) lane.pool.held -= count
  }

  /** Remembers when a lane's next job becomes visible. */
  expect(lane: Lane, at: number): void {
    lane.nextAt = at
    const isNothing = at === Number.POSITIVE_INFINITY
    if (at < this.waitsUntil || (isNothing && at > this.waitsUntil)) this.sooner.openUnsafe()
  }

  /** Sends every lane looking: something may have changed anywhere. */
  lookEverywhere(): void {
    for (const lane of this.lanes) lane.hungry = true
    this.look.openUnsafe()
  }

  /** Shares out the free slots, and sends off every lane that has something to ask or to tell. */
  shareOut(): void {
    this.sharesNext = false
    const { lent } = this
    const free = this.stopping ? 0 : this.concurrency + lent - this.held
    const lone = this.lanes.length === 1 ? this.lanes[0]! : undefined
    const listens = this.hasUseOfSignals
    if (listens) this.idle.openUnsafe()
    else if (!this.changed.isOpen()) this.idle.closeUnsafe()

    if (free > 0 && lone !== undefined) {
      const mayFind = lone.outgoing.length > 0 && (!listens || lone.hasUseOfAnswer)
      if (lone.serving && !lone.exchanging && (lone.hungry || mayFind)) {
        this.#grant(lone, Math.min(free, lone.room(lent)))
      }
    } else if (free > 0 && this.settings.queues.order === "strict") this.#shareByOrder(free)
    else if (free > 0) this.#shareByWeight(free)

    for (const lane of this.lanes) {
      const hasReason = lane.granted > 0 || lane.outgoing.length > 0 || !lane.serving || this.mustClose(lane)
      if (!lane.exchanging && hasReason) lane.poke.openUnsafe()
    }
    if (free <= 0) this.full.openUnsafe()
    else this.full.closeUnsafe()
  }

  /** What a claim that is asked for twice was first lent, it may keep. */
  #lend(lane: Lane): void {
    const { lent } = this
    lane.lent = lane.openClaim === undefined ? lent : Math.max(lane.lent, lent)
  }

  #grant(lane: Lane, count: number): void {
    const granted = Math.min(count, claimLimit - lane.granted)
    this.#lend(lane)
    lane.granted += granted
    lane.turn = ++this.#turns
    this.#free(lane, -granted)
  }

  #grantAll(shares: ReadonlyArray<number>): number {
    let sum = 0
    for (let i = 0; i < shares.length; i++) {
      if (shares[i]! > 0) this.#grant(this.lanes[i]!, shares[i]!)
      sum += shares[i]!
    }
    return sum
  }

  /** Slots that a shard is given at once. */
  get #atOnce(): number {
    return Math.max(1, Math.floor(this.concurrency / shardsAtOnce))
  }

  #shareByWeight(free: number): void {
    this.#join()
    let weights = 0
    for (const lane of this.lanes) if (lane.joined) weights += lane.weight
    // one round of all slots: with a single slot the order is exact, with many nobody waits for nothing
    const lead = weights === 0 ? 0 : (this.concurrency - 1) / weights
    // a lane of which nothing is known takes little first, so that it does not hold room that others can use
    const left = free - this.#grantAll(shareByWeight(free, this.#contenders("hungry", true), lead, this.#atOnce))
    if (left > 0) this.#grantAll(shareByWeight(left, this.#contenders("sending", false), lead, this.#atOnce))
  }

  #shareByOrder(free: number): void {
    const left = free - this.#grantAll(shareByOrder(free, this.#contenders("hungry", false), this.#atOnce))
    if (left > 0) this.#grantAll(shareByOrder(left, this.#contenders("sending", false), this.#atOnce))
  }

  /** `sending`: those as well that have something to tell anyhow, and can ask on the way. */
  #contenders(who: "hungry" | "sending", modest: boolean): ReadonlyArray<Contender> {
    const isStrict = this.settings.queues.order === "strict"
    return this.lanes.map((lane) => {
      const mayWantMore = lane.hungry || lane.asked > 0
      return {
        weight: lane.weight,
        since: lane.since,
        served: lane.served + lane.asked + lane.granted,
        turn: lane.turn,
        ...(lane.pool === undefined ? {} : { pool: lane.pool }),
        hungry: lane.serving && !lane.exchanging && (lane.hungry || (who === "sending" && lane.outgoing.length > 0)),
        // in proportion, only one that has a backlog can fall behind
        away: lane.serving && lane.exchanging && !lane.stalled && mayWantMore && (isStrict || lane.backlogged),
        room: modest && !lane.backlogged && !lane.exchanging ? Math.min(lane.room(0), lane.guess) : lane.room(0)
      }
    })
  }

  /**
   * A lane that had no work, or no room, joins again where the others are: it has saved nothing up. Only those that are
   * known to have work count; others may have stood still for long.
   */
  #join(): void {
    const joins = (lane: Lane) => lane.serving && !lane.stalled && (lane.asked > 0 || (lane.hungry && lane.room(0) > 0))
    for (const lane of this.lanes) {
      const wasIn = lane.joined
      lane.joined = joins(lane)
      if (!lane.joined || wasIn) continue
      const others = this.lanes
        .filter((other) => other !== lane && other.joined && other.backlogged)
        .map(({ time }) => time)
      const now = others.length === 0 ? this.#time : Math.min(...others)
      if (now > lane.time) {
        lane.since = now
        lane.served = 0
      }
    }
  }
}
