import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { EpochMillis, Token } from "../../domain/Job.ts"
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
  /** Whether asking for work may give some. */
  hungry = true
  /** Monotonic milliseconds at which something becomes visible or a lease expires, as far as known. */
  nextAt = Number.POSITIVE_INFINITY
  /** Whether an exchange is under way, whose reply may still bring jobs. */
  exchanging = false
  /** Grows with every claim, so that a repeated one is recognised. */
  claimNumber = 0
  /** Opened when the lane's loop has something to do. */
  readonly poke = Latch.makeUnsafe(true)

  constructor(queue: string) {
    this.queue = queue
  }
}
