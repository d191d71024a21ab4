import type { Place } from "./Keyring.ts"

/** Watches remembered at most; whoever waits on one that was dropped looks by itself. */
const limit = 10_000

/** Whose end each watch is about: a notice names the watch only, and what is in it was encrypted for its job. */
export class Watched {
  readonly #places = new Map<string, Place>()

  add(watcher: string, ref: number, place: Place): void {
    const key = `${watcher} ${ref}`
    this.#places.delete(key)
    this.#places.set(key, place)
    if (this.#places.size <= limit) return
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest)
      return
    }
  }

  take(watcher: string, ref: number): Place | undefined {
    const key = `${watcher} ${ref}`
    const place = this.#places.get(key)
    this.#places.delete(key)
    return place
  }
}
