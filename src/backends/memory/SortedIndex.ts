import type { JobId } from "../../domain/Job.ts"

/** What stands in an index, ordered by score and then by id. It carries its own place, so that finding it there costs nothing. */
export interface Entry<Self> {
  readonly id: JobId
  /** Never changed while it stands in an index. */
  score: number
  /** Its neighbours in the run. */
  previous: Self | undefined
  next: Self | undefined
  /** Where it stands in the heap; `notInHeap` when it does not. */
  position: number
}

export const notInHeap = -1

const before = <A extends Entry<A>>(a: A, b: A): boolean => a.score < b.score || (a.score === b.score && a.id < b.id)

const order = <A extends Entry<A>>(a: A, b: A): number => (before(a, b) ? -1 : 1)

/**
 * Entries ordered by score. Most come in order: leases of one length, jobs as they are enqueued. They form a run, a
 * linked list, which costs the same however long it is; those that come out of order stand in a binary heap.
 *
 * The run puts those of one score in order only when they are asked for: most leave before anybody does.
 */
export class SortedIndex<A extends Entry<A>> {
  readonly #heap: Array<A> = []
  #first: A | undefined
  #last: A | undefined
  #running = 0
  /** The score of those at the head of the run that are in order by id. */
  #ordered: number | undefined

  get size(): number {
    return this.#running + this.#heap.length
  }

  /** One with the lowest score, whichever. */
  get first(): A | undefined {
    const head = this.#first
    const top = this.#heap[0]
    return head === undefined || (top !== undefined && top.score < head.score) ? top : head
  }

  /** Of those with the lowest score, the one with the lowest id. */
  get firstById(): A | undefined {
    this.#orderHead()
    const head = this.#first
    const top = this.#heap[0]
    return head === undefined || (top !== undefined && before(top, head)) ? top : head
  }

  /** Adds an entry that stands nowhere. */
  add(entry: A): void {
    const last = this.#last
    if (last === undefined) {
      this.#first = entry
    } else if (last.score <= entry.score) {
      last.next = entry
      entry.previous = last
      if (entry.score === this.#ordered) this.#ordered = undefined
    } else {
      this.#heap.push(entry)
      this.#rise(entry, this.#heap.length - 1)
      return
    }
    this.#last = entry
    this.#running++
  }

  /** Takes out an entry that stands here. */
  delete(entry: A): void {
    if (entry.position !== notInHeap) {
      this.#leaveHeap(entry)
      return
    }
    const { next, previous } = entry
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    // one that has gone must not keep others from being collected
    entry.previous = undefined
    entry.next = undefined
    this.#running--
  }

  /** All entries in the order of lists; costs a sort. */
  sorted(): ReadonlyArray<A> {
    const all = [...this.#heap]
    for (let entry = this.#first; entry !== undefined; entry = entry.next) all.push(entry)
    return all.toSorted(order)
  }

  #orderHead(): void {
    const head = this.#first
    if (head?.next?.score !== head?.score || head === undefined || head.score === this.#ordered) return
    const group: Array<A> = []
    let rest: A | undefined = head
    for (; rest?.score === head.score; rest = rest.next) group.push(rest)
    group.sort(order)
    let previous: A | undefined
    for (const entry of group) {
      entry.previous = previous
      if (previous === undefined) this.#first = entry
      else previous.next = entry
      previous = entry
    }
    previous!.next = rest
    if (rest === undefined) this.#last = previous
    else rest.previous = previous
    this.#ordered = head.score
  }

  #leaveHeap(entry: A): void {
    const { position } = entry
    entry.position = notInHeap
    const last = this.#heap.pop()!
    if (last === entry) return
    this.#rise(last, position)
    if (last.position === position) this.#sink(last, position)
  }

  #place(entry: A, position: number): void {
    this.#heap[position] = entry
    entry.position = position
  }

  #rise(entry: A, from: number): void {
    let position = from
    while (position > 0) {
      const parent = (position - 1) >> 1
      if (!before(entry, this.#heap[parent]!)) break
      this.#place(this.#heap[parent]!, position)
      position = parent
    }
    this.#place(entry, position)
  }

  #sink(entry: A, from: number): void {
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
