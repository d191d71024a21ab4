import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { EpochMillis, Token } from "../../domain/Job.ts"
import type { Entry } from "../../domain/Queues.ts"
import { untrackedArray } from "../../domain/untracked-array.ts"
import { TurnoverMap } from "../../domain/TurnoverMap.ts"
import type { ClaimedJob, Settlement } from "../../ports/JobStore.ts"
import type { StoreErrorReason } from "../../ports/StoreError.ts"
import type { Observed } from "./Extensions.ts"
import { Activity } from "./Activity.ts"
import { Fifo } from "./Fifo.ts"
import type { Pool } from "./Pool.ts"
import type { Prefetch } from "./Prefetch.ts"

/** Why the worker itself interrupts a handler. */
export type InterruptReason = "lease lost" | "shutdown" | "cancelled"

/**
 * An attempt this worker answers for: from its claim until the store has accepted how it ended.
 *
 * A class, since V8 may take what one object literal makes for old from the start (decision 16).
 */
export class Attempt {
  readonly job: ClaimedJob
  /** When it was started, by the worker's clock; absent before. */
  startedAt: EpochMillis | undefined = undefined
  /** Monotonic milliseconds until which the lease is certain, whatever the store's answers. */
  trustedUntil: number
  /** `ready` until its handler is started, `ended` when what it came to is to be settled. */
  phase: "ready" | "running" | "ended" = "ready"
  /** The handler's fiber; absent before it starts, and during its first synchronous steps. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  interruptedFor: InterruptReason | undefined = undefined
  /** Why somebody cancels its job, as far as a notice has told. */
  cancelReason: string | undefined = undefined
  /** When it was started, if it is one of those that tell how long handlers take. */
  sampledNanos: bigint | undefined = undefined
  /** Whether it was given back before it was started: then nobody is told, unless its job was cancelled meanwhile. */
  isGivenBack = false
  /** What the worker's extensions keep of it; absent before its handler starts. */
  observed: Observed | undefined = undefined

  constructor(job: ClaimedJob, trustedUntil: number) {
    this.job = job
    this.trustedUntil = trustedUntil
  }
}

/** Interrupts a handler, once; one that has not started will not. */
export const interrupt = (attempt: Attempt, reason: InterruptReason): void => {
  if (attempt.phase === "ended" || attempt.interruptedFor !== undefined) return
  attempt.interruptedFor = reason
  attempt.fiber?.interruptUnsafe()
}

/**
 * How much text one exchange tells at most, in characters: a larger one could take longer than its caller waits, and would
 * be sent again and again.
 */
const toldLength = 4_194_304

const lengthOf = (settlement: Settlement): number => {
  switch (settlement._tag) {
    case "Complete":
      return settlement.result?.length ?? 0
    case "Retry":
    case "Bury":
      return settlement.error.length + (settlement.failure?.length ?? 0)
    case "Cancel":
      return settlement.reason.length
    default:
      return 0
  }
}

/** Whether a job may run again after this. */
export const isPutOff = ({ _tag }: Settlement): boolean => _tag === "Retry" || _tag === "Snooze" || _tag === "Release"

/** One queue of a worker: what runs, what is to be settled, and whether there may be work. */
export class Lane {
  readonly queue: string
  readonly attempts = new TurnoverMap<Token, Attempt>()
  /** What was done in the last minute. */
  readonly activity = new Activity()
  /** Claimed and not started yet, in order. */
  readonly ready = new Fifo<Attempt>()
  /** Handlers that run. */
  running = 0
  /** How far ahead of its handlers it claims. */
  readonly prefetch: Prefetch
  /** Settlements for the next exchange. */
  outgoing = untrackedArray<Settlement>()
  weight = 1
  /** Slots it may hold at most. */
  limit = Number.POSITIVE_INFINITY
  /** The shards that it is one of; absent for a plain queue. */
  pool: Pool | undefined
  /** Grows whenever it is granted slots; of the shards of a pool, the lowest is next. */
  turn = 0
  /** Whether it claims; a lane that does not only ends what it has. */
  serving = true
  /** Whether asking for work may give some. */
  hungry = true
  /** Whether its last claim left visible jobs behind. */
  backlogged = false
  /** What it asks for while others want the room and nothing is known of a backlog: twice what it found last. */
  guess = 1
  /** Slots shared out to it, for its next exchange. */
  granted = 0
  /** Slots its exchange under way asks jobs for, and how many of all slots were lent when it last asked for jobs. */
  asked = 0
  lent = 0
  /** The number of a claim whose answer has not come: the next claim asks for the same, or its jobs might be lost. */
  openClaim: number | undefined
  /** When that claim was first made, in monotonic milliseconds: the leases of its jobs end no sooner than counted from then. */
  openSince = 0
  /** Whether settlements may as well ask for jobs: the last claim that did not know of any found some. */
  lucky = true
  /** Slots it holds: granted, asked for, or taken by attempts that have not ended. */
  held = 0
  /** Where it stands among the others; see `Contender`. `joined`: whether it did when room was last shared out. */
  since = 0
  served = 0
  joined = false
  /** Monotonic milliseconds at which something becomes visible or a lease expires, as far as known. */
  nextAt = Number.POSITIVE_INFINITY
  /** Whether that may be a lease of its own, which ends with its job. */
  mayExpectOwn = false
  /** Whether an exchange is under way, whose reply may still bring jobs. */
  exchanging = false
  /** Whether that exchange does nothing but find out what an earlier claim has brought. */
  closing = false
  /** Whether that exchange has failed, and is repeated until the store answers. */
  stalled = false
  /** What the latest exchange has failed with, until one is answered. */
  unanswered: StoreErrorReason | undefined
  /** The same of extensions; the answer to an exchange clears it as well. */
  unextended: StoreErrorReason | undefined
  /** Whether an ear of the worker takes signals of its queue. */
  isHeard = false
  /** Whether that ear may have taken one, though nothing is claimed here any more: others are to be told. */
  owes = false
  /** Open while no exchange is under way. */
  readonly resting = Latch.makeUnsafe(true)
  /** Opened when the lane's loop has something to do. */
  readonly poke = Latch.makeUnsafe(false)
  /** Opened when a job that is ready may be started. */
  readonly startable = Latch.makeUnsafe(false)

  constructor(queue: string, prefetch: Prefetch) {
    this.queue = queue
    this.prefetch = prefetch
  }

  /** Takes up serving, anew or again. */
  serve({ concurrency, weight }: Entry, pool: Pool | undefined): void {
    // it may still hold slots of the last time
    if (this.pool !== undefined) this.pool.held -= this.held
    if (pool !== undefined) pool.held += this.held
    this.pool = pool
    this.weight = weight ?? 1
    this.limit = concurrency ?? Number.POSITIVE_INFINITY
    this.serving = true
    this.hungry = true
  }

  /** Takes what the next exchange is to tell: at least one settlement, if there are any, and not too much at once. */
  tell(): ReadonlyArray<Settlement> {
    const { outgoing } = this
    let length = 0
    for (let i = 0; i < outgoing.length; i++) {
      length += lengthOf(outgoing[i]!)
      if (length > toldLength && i > 0) return outgoing.splice(0, i)
    }
    this.outgoing = untrackedArray()
    return outgoing
  }

  /** Learns from a claim how many jobs it brought, and whether it left any behind. */
  found(claimed: number, more: boolean): void {
    this.hungry ||= more
    this.backlogged = more
    this.guess = Math.max(1, 2 * claimed)
    // it has had no work for a moment, and joins anew when it has some
    if (!more) this.joined = false
  }

  /** Slots it may still take, given how many it may hold beyond its limit. */
  room(ahead: number): number {
    const own = Math.max(0, this.limit + ahead - this.held)
    return this.pool === undefined ? own : Math.min(own, this.pool.room + ahead)
  }

  /** Its virtual time, not counting what it has only asked for. */
  get time(): number {
    return this.since + this.served / this.weight
  }

  /**
   * Whether its settlements should ask for jobs as well, though its ear hears of the next one anyhow: since jobs come so
   * fast that there may be one, or to learn when a job that was put off is due, or that nothing is any more.
   */
  get hasUseOfAnswer(): boolean {
    const { outgoing } = this
    return this.lucky || (this.mayExpectOwn && outgoing.length === this.attempts.size) || outgoing.some(isPutOff)
  }

  /** Whether all that it had has ended, and nothing more can come. */
  get isSettled(): boolean {
    return this.openClaim === undefined && this.attempts.size === 0 && this.outgoing.length === 0
  }

  get isOver(): boolean {
    return !this.serving && !this.isHeard && !this.owes && this.isSettled
  }
}
