import type { EpochMillis, JobId } from "../../domain/Job.ts"
import type { RateLimit } from "../../ports/QueueControl.ts"
import { type Entry, SortedIndex } from "./SortedIndex.ts"

interface Bucket {
  readonly rate: RateLimit
  tokens: number
  at: EpochMillis
}

/** Waiting for a tenth of a second's worth of tokens costs little and spares a claim for every single one. */
const aheadMillis = 100

/** Pending jobs by kind, since each kind may have a rate limit: the next job is the first of a kind that may run. */
export class PendingIndex {
  readonly #kinds = new Map<string, SortedIndex>()
  readonly #kindOf = new Map<JobId, string>()
  readonly #buckets = new Map<string, Bucket>()

  get size(): number {
    return this.#kindOf.size
  }

  get rates(): Readonly<Record<string, RateLimit>> {
    return Object.fromEntries([...this.#buckets].map(([kind, { rate }]) => [kind, rate]))
  }

  set(id: JobId, score: number, kind: string): void {
    this.delete(id)
    const index = this.#kinds.get(kind) ?? new SortedIndex()
    this.#kinds.set(kind, index)
    index.set(id, score)
    this.#kindOf.set(id, kind)
  }

  delete(id: JobId): boolean {
    const kind = this.#kindOf.get(id)
    if (kind === undefined) return false
    this.#kindOf.delete(id)
    const index = this.#kinds.get(kind)!
    index.delete(id)
    if (index.size === 0) this.#kinds.delete(kind)
    return true
  }

  sorted(): ReadonlyArray<Entry> {
    return [...this.#kinds.values()].flatMap((index) => index.sorted()).toSorted((a, b) => a.score - b.score)
  }

  /** Sets or lifts the limit of a kind. A new one starts with a full bucket. */
  setRate(kind: string, rate: RateLimit | undefined, now: EpochMillis): void {
    if (rate === undefined) this.#buckets.delete(kind)
    else this.#buckets.set(kind, { rate, tokens: Math.min(rate.burst, this.#tokens(kind, now, rate.burst)), at: now })
  }

  /** The first job that its kind's limit lets run now. */
  next(now: EpochMillis): Entry | undefined {
    let first: Entry | undefined
    for (const [kind, index] of this.#kinds) {
      if (this.#buckets.has(kind) && this.#tokens(kind, now) < 1) continue
      if (first === undefined || index.first!.score < first.score) first = index.first
    }
    return first
  }

  /** Takes the token of a job that starts. */
  spend(kind: string, now: EpochMillis): void {
    const bucket = this.#buckets.get(kind)
    if (bucket === undefined) return
    bucket.tokens = this.#tokens(kind, now) - 1
    bucket.at = now
  }

  /** When a kind that waits for tokens is worth another look. */
  nextTokenAt(now: EpochMillis): EpochMillis | undefined {
    const instants = [...this.#kinds.keys()].flatMap((kind) => {
      const bucket = this.#buckets.get(kind)
      const tokens = this.#tokens(kind, now)
      if (bucket === undefined || tokens >= 1) return []
      const { burst, limit, perMillis } = bucket.rate
      const wanted = Math.min(burst, Math.max(1, Math.floor((aheadMillis * limit) / perMillis)))
      return [now + Math.ceil(((wanted - tokens) * perMillis) / limit)]
    })
    return instants.length === 0 ? undefined : Math.min(...instants)
  }

  #tokens(kind: string, now: EpochMillis, without = 0): number {
    const bucket = this.#buckets.get(kind)
    if (bucket === undefined) return without
    const { burst, limit, perMillis } = bucket.rate
    return Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) * limit) / perMillis)
  }
}
