/** Deletions from a small map after which it is made anew, and from one that is empty then, which costs nothing. */
const turnover = 1000
const turnoverOfNone = 16

/** Above this size copying would hold others up, and so much else is young then that it gains nothing. */
const largest = 10_000

/**
 * A map whose entries come and go: made anew now and then, in the same order.
 *
 * A `Map` gets a new table whenever its deleted entries have filled the old one, and the old one keeps what it held and
 * points at the new one. Once one of them has outlived its youth, a collection of the young generation takes all that
 * follow for reachable, and with them every entry there ever was.
 */
export class TurnoverMap<K, V> {
  #map = new Map<K, V>()
  #deleted = 0

  get size(): number {
    return this.#map.size
  }

  get(key: K): V | undefined {
    return this.#map.get(key)
  }

  has(key: K): boolean {
    return this.#map.has(key)
  }

  set(key: K, value: V): void {
    this.#map.set(key, value)
  }

  delete(key: K): void {
    if (!this.#map.delete(key)) return
    const { size } = this.#map
    if (++this.#deleted < (size === 0 ? turnoverOfNone : turnover + size) || size > largest) return
    this.#map = new Map(this.#map)
    this.#deleted = 0
  }

  /** Those that are there now, in order. */
  entries(): ReadonlyArray<readonly [K, V]> {
    return [...this.#map]
  }

  /** Those that are there now. */
  values(): ReadonlyArray<V> {
    return [...this.#map.values()]
  }
}
