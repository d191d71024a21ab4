/** One marker, handed to one waiter: what wakes idle workers of a queue. */
export class Signal {
  #raised = false
  readonly #waiters = new Set<() => void>()

  raise(): void {
    const [waiter] = this.#waiters
    if (waiter === undefined) {
      this.#raised = true
      return
    }
    this.#waiters.delete(waiter)
    waiter()
  }

  /** Takes a marker that is already there. */
  take(): boolean {
    const raised = this.#raised
    this.#raised = false
    return raised
  }

  add(waiter: () => void): void {
    this.#waiters.add(waiter)
  }

  remove(waiter: () => void): void {
    this.#waiters.delete(waiter)
  }
}
