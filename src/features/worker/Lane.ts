import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { Token } from "../../domain/Job.ts"
import type { ClaimedJob, Settlement } from "../../ports/JobStore.ts"

/** Why the worker itself interrupts a handler. */
export type InterruptReason = "lease lost" | "shutdown"

/** An attempt this worker answers for: from its claim until the store has accepted how it ended. */
export interface Attempt {
  readonly job: ClaimedJob
  /** Monotonic milliseconds until which the lease is certain, whatever the store's answers. */
  trustedUntil: number
  /** The running handler; absent before it starts and once it has ended. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  interruptedFor: InterruptReason | undefined
}

/** One queue of a worker: what runs, what is to be settled, and whether there may be work. */
export class Lane {
  readonly queue: string
  readonly attempts = new Map<Token, Attempt>()
  /** Settlements for the next exchange. */
  outgoing: Array<Settlement> = []
  /** Whether asking for work may give some. */
  hungry = true
  /** Monotonic milliseconds at which something becomes visible or a lease expires, as far as known. */
  nextAt = Number.POSITIVE_INFINITY
  /** Grows with every claim, so that a repeated one is recognised. */
  claimNumber = 0
  /** Opened when the lane's loop has something to do. */
  readonly poke = Latch.makeUnsafe(true)

  constructor(queue: string) {
    this.queue = queue
  }
}
