import * as Latch from "effect/Latch"
import type { MemberEnding } from "../../ports/JobStore.ts"
import type { Relayed } from "../workflows/Workflows.ts"

/** Endings of members that this worker has to tell their workflows. What comes while some are told travels next. */
export class EndingsRelay {
  #waiting: Array<Relayed> = []
  /** Open while some wait. */
  readonly look = Latch.makeUnsafe(false)
  /** Opened when all are told. */
  readonly idle = Latch.makeUnsafe(true)

  add(queue: string, endings: ReadonlyArray<MemberEnding>): void {
    for (const ending of endings) this.#waiting.push({ queue, ending })
    this.idle.closeUnsafe()
    this.look.openUnsafe()
  }

  take(): ReadonlyArray<Relayed> {
    const taken = this.#waiting
    this.#waiting = []
    this.look.closeUnsafe()
    return taken
  }

  /** Says that what was taken was told, or is left to others. */
  done(): void {
    if (this.#waiting.length === 0) this.idle.openUnsafe()
  }
}
