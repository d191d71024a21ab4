/** What is called back unless it is removed in time. Its place is kept in itself, so that nothing is looked up for it. */
export abstract class Deadline {
  /** When it is late, by `performance.now()`. */
  until = 0
  previous: Deadline | undefined = undefined
  next: Deadline | undefined = undefined

  abstract late(): void
}

/**
 * Calls back for what is not removed in time, with one timer for all: since they have equally long, the oldest is next.
 *
 * **Units** milliseconds, real time.
 */
export class Deadlines {
  readonly #millis: number
  // in the order of their time
  #first: Deadline | undefined = undefined
  #last: Deadline | undefined = undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(millis: number) {
    this.#millis = millis
  }

  add(deadline: Deadline): void {
    deadline.until = performance.now() + this.#millis
    deadline.previous = this.#last
    if (this.#last === undefined) this.#first = deadline
    else this.#last.next = deadline
    this.#last = deadline
    if (this.#timer === undefined) this.#timer = this.#arm(this.#millis)
  }

  remove(deadline: Deadline): void {
    const { next, previous } = deadline
    // it may have been removed already
    if (previous === undefined && this.#first !== deadline) return
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    // what is old and gone must not hold what is young (decision 16)
    deadline.previous = undefined
    deadline.next = undefined
  }

  // nothing may be left when it goes off: it is no reason for a process to live on
  #arm(millis: number): ReturnType<typeof setTimeout> {
    // after a time in which the process stood still, answers that have come are taken before anything is late
    return setTimeout(() => setImmediate(() => this.#look()), millis).unref()
  }

  #look(): void {
    const now = performance.now()
    const over: Array<Deadline> = []
    for (let first = this.#first; first !== undefined && first.until <= now; first = this.#first) {
      this.remove(first)
      over.push(first)
    }
    this.#timer = this.#first === undefined ? undefined : this.#arm(this.#first.until - now)
    // whoever is late may call again at once
    for (const deadline of over) deadline.late()
  }
}
