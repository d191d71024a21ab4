/** Most jobs claimed ahead of handlers, whatever is measured. */
const most = 500

/** Rounds of all slots that may be claimed ahead: more jobs in an exchange, and fewer exchanges. */
const rounds = 3

/** A worker with few slots may claim this many ahead, since a round trip costs it as much as any other. */
const leastCap = 32

/** How much a new measurement counts. */
const weight = 0.2

/**
 * How many jobs to claim ahead of the handlers: as many as they finish during a round trip, so that neither waits for
 * the other; none when a handler takes longer than a round trip, for then jobs would only wait here instead of being
 * free for other workers.
 *
 * **Units** milliseconds, by the monotonic clock.
 */
export class Prefetch {
  readonly #fixed: number | undefined
  #handler: number | undefined
  #roundTrip = 0

  constructor(fixed: number | undefined) {
    this.#fixed = fixed
  }

  handled(millis: number): void {
    this.#handler = this.#handler === undefined ? millis : this.#handler + weight * (millis - this.#handler)
  }

  /** Handlers have not ended for so long: they take that at least. */
  outlasted(millis: number): void {
    this.#handler = Math.max(this.#handler ?? 0, millis)
  }

  get roundTripMillis(): number {
    return this.#roundTrip
  }

  exchanged(millis: number): void {
    this.#roundTrip += weight * (millis - this.#roundTrip)
  }

  ahead(concurrency: number): number {
    if (this.#fixed !== undefined) return this.#fixed
    if (this.#handler === undefined || this.#handler >= this.#roundTrip) return 0
    const during = (concurrency * this.#roundTrip) / Math.max(this.#handler, 0.001)
    return Math.min(Math.ceil(during), Math.max(rounds * concurrency, leastCap), most)
  }
}
