import { TurnoverMap } from "../../domain/TurnoverMap.ts"

/**
 * Calls back for what is not removed in time, with one timer for all: since they have equally long, the oldest is next.
 *
 * **Units** milliseconds, real time.
 */
export class Deadlines {
  readonly #millis: number
  /** In the order of their time. */
  readonly #until = new TurnoverMap<() => void, number>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(millis: number) {
    this.#millis = millis
  }

  add(late: () => void): void {
    this.#until.set(late, performance.now() + this.#millis)
    if (this.#timer === undefined) this.#timer = this.#arm(this.#millis)
  }

  remove(late: () => void): void {
    this.#until.delete(late)
  }

  // nothing may be left when it goes off: it is no reason for a process to live on
  #arm(millis: number): ReturnType<typeof setTimeout> {
    // after a time in which the process stood still, answers that have come are taken before anything is late
    return setTimeout(() => setImmediate(() => this.#look()), millis).unref()
  }

  #look(): void {
    const now = performance.now()
    const over: Array<() => void> = []
    let next: number | undefined
    for (const [late, until] of this.#until.entries()) {
      if (until > now) {
        next = until
        break
      }
      this.#until.delete(late)
      over.push(late)
    }
    this.#timer = next === undefined ? undefined : this.#arm(next - now)
    // whoever is late may call again at once
    for (const late of over) late()
  }
}
