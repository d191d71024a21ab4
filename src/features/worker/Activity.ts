import type { EpochMillis } from "../../domain/Job.ts"
import { bucketCount, bucketOf, type Sample } from "../../domain/Latency.ts"

/** How an attempt counts: `other` is one that was put off, given back, cancelled or lost. */
export type AttemptOutcome = "completed" | "failed" | "other"

/** What was done in the last minute. */
export interface ActivitySummary {
  readonly completed: number
  readonly failed: number
  /** By kind, the busiest first. */
  readonly kinds: ReadonlyArray<{ readonly kind: string; readonly completed: number; readonly failed: number }>
  readonly wait: Sample
  readonly run: Sample
}

/** The window: a slot per second. */
const slots = 60

/** Kinds a summary names at most; the totals count all. */
const maxKinds = 50

/** A histogram per slot. The arrays come with the first measurement, so that idle queues cost nothing. */
class Histograms {
  #counts: Uint32Array | undefined
  readonly #totals = new Float64Array(slots)

  add(slot: number, millis: number): void {
    const known = millis > 0 ? millis : 0
    const counts = (this.#counts ??= new Uint32Array(slots * bucketCount))
    const at = slot * bucketCount + bucketOf(known)
    counts[at] = counts[at]! + 1
    this.#totals[slot] = this.#totals[slot]! + known
  }

  clear(slot: number): void {
    this.#counts?.fill(0, slot * bucketCount, (slot + 1) * bucketCount)
    this.#totals[slot] = 0
  }

  sum(live: ReadonlyArray<number>): Sample {
    const counts = this.#counts
    if (counts === undefined) return { count: 0, totalMillis: 0, buckets: [] }
    const all = Array.from({ length: bucketCount }, (_, bucket) =>
      live.reduce((sum, slot) => sum + counts[slot * bucketCount + bucket]!, 0)
    )
    return {
      count: all.reduce((sum, count) => sum + count, 0),
      totalMillis: live.reduce((sum, slot) => sum + this.#totals[slot]!, 0),
      buckets: all.slice(0, all.findLastIndex((count) => count > 0) + 1)
    }
  }
}

/** Completed and failed attempts per slot. */
class Counts {
  readonly completed = new Uint32Array(slots)
  readonly failed = new Uint32Array(slots)

  clear(slot: number): void {
    this.completed[slot] = 0
    this.failed[slot] = 0
  }

  sum(live: ReadonlyArray<number>): { readonly completed: number; readonly failed: number } {
    return {
      completed: live.reduce((sum, slot) => sum + this.completed[slot]!, 0),
      failed: live.reduce((sum, slot) => sum + this.failed[slot]!, 0)
    }
  }
}

/**
 * Counts what a worker does with one queue over the last minute: a ring of 60 one-second slots. Counting an attempt
 * allocates nothing, apart from the arrays of a kind seen for the first time.
 *
 * **Units** `now` is the worker's own clock, epoch milliseconds; a clock that is set back forgets, and never double counts.
 */
export class Activity {
  /** Which second a slot is of. */
  readonly #seconds = new Float64Array(slots).fill(-1)
  readonly #all = new Counts()
  /** Only kinds with a handler in this worker, so few. */
  readonly #kinds = new Map<string, Counts>()
  readonly #wait = new Histograms()
  readonly #run = new Histograms()

  started(waitMillis: number, now: EpochMillis): void {
    this.#wait.add(this.#slot(now), waitMillis)
  }

  ended(kind: string, outcome: AttemptOutcome, runMillis: number, now: EpochMillis): void {
    if (outcome === "other") return
    const slot = this.#slot(now)
    let counts = this.#kinds.get(kind)
    if (counts === undefined) {
      counts = new Counts()
      this.#kinds.set(kind, counts)
    }
    counts[outcome][slot] = counts[outcome][slot]! + 1
    this.#all[outcome][slot] = this.#all[outcome][slot]! + 1
    this.#run.add(slot, runMillis)
  }

  summary(now: EpochMillis): ActivitySummary {
    const second = Math.floor(now / 1000)
    const live = Array.from(this.#seconds.keys()).filter((slot) => {
      const of = this.#seconds[slot]!
      return of > second - slots && of <= second
    })
    return {
      ...this.#all.sum(live),
      kinds: Array.from(this.#kinds, ([kind, counts]) => ({ kind, ...counts.sum(live) }))
        .filter(({ completed, failed }) => completed + failed > 0)
        .toSorted((a, b) => b.completed + b.failed - (a.completed + a.failed) || (a.kind < b.kind ? -1 : 1))
        .slice(0, maxKinds),
      wait: this.#wait.sum(live),
      run: this.#run.sum(live)
    }
  }

  #slot(now: EpochMillis): number {
    const second = Math.floor(now / 1000)
    const slot = second % slots
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second
      this.#all.clear(slot)
      for (const counts of this.#kinds.values()) counts.clear(slot)
      this.#wait.clear(slot)
      this.#run.clear(slot)
    }
    return slot
  }
}
