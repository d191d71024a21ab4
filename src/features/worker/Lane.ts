import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { EpochMillis, Token } from "../../domain/Job.ts"
import type { Entry } from "../../domain/Queues.ts"
import type { ClaimedJob, Settlement } from "../../ports/JobStore.ts"
import type { Observed } from "./Extensions.ts"
import { Activity } from "./Activity.ts"

/** Why the worker itself interrupts a handler. */
export type InterruptReason = "lease lost" | "shutdown" | "cancelled"

/** An attempt this worker answers for: from its claim until the store has accepted how it ended. */
export interface Attempt {
  readonly job: ClaimedJob
  /** When it was started, by the worker's clock; absent before. */
  startedAt: EpochMillis | undefined
  /** Monotonic milliseconds until which the lease is certain, whatever the store's answers. */
  trustedUntil: number
  /** Whether its handler has started and not ended. */
  running: boolean
  /** The handler's fiber; absent before it starts, and during its first synchronous steps. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  interruptedFor: InterruptReason | undefined
  /** What the worker's extensions keep of it; absent before its handler starts. */
  observed: Observed | undefined
}

/** Interrupts a running handler, once. Answers whether it did. */
export const interrupt = (attempt: Attempt, reason: InterruptReason): boolean => {
  if (!attempt.running || attempt.interruptedFor !== undefined) return false
  attempt.interruptedFor = reason
  attempt.fiber?.interruptUnsafe()
  return true
}

/** One queue of a worker: what runs, what is to be settled, and whether there may be work. */
export class Lane {
  readonly queue: string
  readonly attempts = new Map<Token, Attempt>()
  /** What was done in the last minute. */
  readonly activity = new Activity()
  /** Settlements for the next exchange. */
  outgoing: Array<Settlement> = []
  weight = 1
  /** Slots it may hold at most. */
  limit = Number.POSITIVE_INFINITY
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
  /** Slots its exchange under way asks jobs for. */
  asked = 0
  /** Slots it holds: granted, asked for, or taken by attempts that have not ended. */
  held = 0
  /** Where it stands among the others; see `Contender`. `joined`: whether it did when room was last shared out. */
  since = 0
  served = 0
  joined = false
  /** Monotonic milliseconds at which something becomes visible or a lease expires, as far as known. */
  nextAt = Number.POSITIVE_INFINITY
  /** Whether an exchange is under way, whose reply may still bring jobs. */
  exchanging = false
  /** Whether that exchange has failed, and is repeated until the store answers. */
  stalled = false
  /** Opened when the lane's loop has something to do. */
  readonly poke = Latch.makeUnsafe(false)

  constructor(queue: string) {
    this.queue = queue
  }

  /** Takes up serving, anew or again. */
  serve({ concurrency, weight }: Entry): void {
    this.weight = weight ?? 1
    this.limit = concurrency ?? Number.POSITIVE_INFINITY
    this.serving = true
    this.hungry = true
  }

  /** Learns from a claim how many jobs it brought, and whether it left any behind. */
  found(claimed: number, more: boolean): void {
    this.hungry ||= more
    this.backlogged = more
    this.guess = Math.max(1, 2 * claimed)
    // it has had no work for a moment, and joins anew when it has some
    if (!more) this.joined = false
  }

  get room(): number {
    return Math.max(0, this.limit - this.held)
  }

  /** Its virtual time, not counting what it has only asked for. */
  get time(): number {
    return this.since + this.served / this.weight
  }

  /** Whether everything it had has ended, after it stopped serving. */
  get isOver(): boolean {
    return !this.serving && this.attempts.size === 0 && this.outgoing.length === 0
  }
}
