import { untrackedArray } from "../../domain/untracked-array.ts"

/** Places of what was taken, at least, before they are given up. */
const compactAfter = 1024

/** A queue whose first is taken off before anything is done with it, however often it is asked meanwhile. */
export class Fifo<A> {
  #items = untrackedArray<A | undefined>()
  #first = 0

  get size(): number {
    return this.#items.length - this.#first
  }

  push(item: A): void {
    this.#items.push(item)
  }

  take(): A | undefined {
    const item = this.#items[this.#first]
    if (item === undefined) return undefined
    this.#items[this.#first++] = undefined
    if (this.#first === this.#items.length) {
      this.#items = untrackedArray()
      this.#first = 0
    } else if (this.#first > compactAfter && this.#first * 2 > this.#items.length) {
      // it may never be empty
      this.#items.splice(0, this.#first)
      this.#first = 0
    }
    return item
  }
}
