import { assert } from "@effect/vitest"
import type { EpochMillis } from "../../../src/domain/Job.ts"
import type { RateLimit } from "../../../src/ports/QueueControl.ts"

/** The tokens of one kind while its limit does not change, and every start in that time. */
export class Bucket {
  readonly rate: RateLimit
  readonly #starts: Array<EpochMillis> = []
  #tokens: number
  #at: EpochMillis

  constructor(rate: RateLimit, tokens: number, now: EpochMillis) {
    this.rate = rate
    this.#tokens = Math.min(rate.burst, tokens)
    this.#at = now
  }

  tokens(now: EpochMillis): number {
    const { burst, limit, perMillis } = this.rate
    return Math.min(burst, this.#tokens + ((now - this.#at) * limit) / perMillis)
  }

  spend(now: EpochMillis): void {
    this.#tokens = this.tokens(now) - 1
    this.#at = now
    this.#starts.push(now)
  }

  /** When a tenth of a second's worth of tokens is there, and one at least (RATE-4). */
  worthwhileAt(now: EpochMillis): EpochMillis {
    const { burst, limit, perMillis } = this.rate
    const wanted = Math.min(burst, Math.max(1, Math.floor((100 * limit) / perMillis)))
    return now + Math.ceil(((wanted - this.tokens(now)) * perMillis) / limit)
  }

  /** Over every time that ends now no more have started than the rule allows, however the bucket is kept. */
  assertKept(now: EpochMillis): void {
    const { burst, limit, perMillis } = this.rate
    this.#starts.forEach((from, i) =>
      assert.isAtMost(
        this.#starts.length - i,
        burst + (limit * (now - from)) / perMillis + 1e-6,
        `starts from ${from} to ${now}`
      )
    )
  }
}
