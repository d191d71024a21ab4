import type { JobId } from "../../domain/Job.ts"

/** A place in an index: ordered by score, then by id. */
export interface Entry {
  readonly score: number
  readonly id: JobId
}

const before = (a: Entry, b: Entry): boolean => a.score < b.score || (a.score === b.score && a.id < b.id)

const order = (a: Entry, b: Entry): number => (before(a, b) ? -1 : 1)

/** Ids ordered by score: a binary heap that knows where each id stands, so that any of them can leave. */
export class SortedIndex {
  readonly #heap: Array<Entry> = []
  readonly #positions = new Map<JobId, number>()

  get size(): number {
    return this.#heap.length
  }

  get first(): Entry | undefined {
    return this.#heap[0]
  }

  /** Adds an id, or moves it to another score. */
  set(id: JobId, score: number): void {
    this.delete(id)
    const position = this.#heap.length
    this.#place({ score, id }, position)
    this.#rise(position)
  }

  delete(id: JobId): boolean {
    const position = this.#positions.get(id)
    if (position === undefined) return false
    this.#positions.delete(id)
    const last = this.#heap.pop()!
    if (position < this.#heap.length) {
      this.#place(last, position)
      this.#rise(position)
      this.#sink(this.#positions.get(last.id)!)
    }
    return true
  }

  /** All entries in order; costs a sort. */
  sorted(): ReadonlyArray<Entry> {
    return this.#heap.toSorted(order)
  }

  #place(entry: Entry, position: number): void {
    this.#heap[position] = entry
    this.#positions.set(entry.id, position)
  }

  #rise(from: number): void {
    const entry = this.#heap[from]!
    let position = from
    while (position > 0) {
      const parent = (position - 1) >> 1
      if (!before(entry, this.#heap[parent]!)) break
      this.#place(this.#heap[parent]!, position)
      position = parent
    }
    this.#place(entry, position)
  }

  #sink(from: number): void {
    const entry = this.#heap[from]!
    const size = this.#heap.length
    let position = from
    while (true) {
      let child = 2 * position + 1
      if (child >= size) break
      if (child + 1 < size && before(this.#heap[child + 1]!, this.#heap[child]!)) child++
      if (!before(this.#heap[child]!, entry)) break
      this.#place(this.#heap[child]!, position)
      position = child
    }
    this.#place(entry, position)
  }
}
