import type { Token } from "../../domain/Job.ts"

/** Most that are remembered. What is forgotten is told by the next extension of the lease. */
const most = 1000

const keyOf = (queue: string, token: Token): string => `${token} ${queue}`

/** Requests to stop attempts that this worker does not know yet: they take another way than the answer to its claim. */
export class EarlyCancels {
  readonly #reasons = new Map<string, string>()

  add(queue: string, token: Token, reason: string): void {
    this.#reasons.set(keyOf(queue, token), reason)
    if (this.#reasons.size <= most) return
    for (const oldest of this.#reasons.keys()) {
      this.#reasons.delete(oldest)
      return
    }
  }

  /** Why an attempt that is known now was to be stopped, if it was; once. */
  take(queue: string, token: Token): string | undefined {
    if (this.#reasons.size === 0) return undefined
    const key = keyOf(queue, token)
    const reason = this.#reasons.get(key)
    this.#reasons.delete(key)
    return reason
  }
}
