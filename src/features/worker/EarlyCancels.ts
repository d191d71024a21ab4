import type { Token } from "../../domain/Job.ts"

/** Most that are remembered. What is forgotten is told by the next extension of the lease. */
const most = 1000

const keyOf = (queue: string, token: Token): string => `${token} ${queue}`

/** Requests to stop attempts that this worker does not know yet: they take another way than the answer to its claim. */
export class EarlyCancels {
  readonly #keys = new Set<string>()

  add(queue: string, token: Token): void {
    this.#keys.add(keyOf(queue, token))
    if (this.#keys.size <= most) return
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest)
      return
    }
  }

  /** Whether there is one for an attempt that is known now; once. */
  take(queue: string, token: Token): boolean {
    return this.#keys.size > 0 && this.#keys.delete(keyOf(queue, token))
  }
}
