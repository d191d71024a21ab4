import type { EpochMillis } from "../../domain/Job.ts"
import type { RateLimit } from "../../ports/QueueControl.ts"
import type { JobRecord } from "./QueueState.ts"
import { SortedIndex } from "./SortedIndex.ts"

interface Bucket {
  readonly rate: RateLimit
  tokens: number
  at: EpochMillis
}

/** Waiting for a tenth of a second's worth of tokens costs little and spares a claim for every single one. */
const aheadMillis = 100

/** Pending jobs of one kind and priority, most of which come and go in the order of their enqueues. */
export interface Level {
  readonly kind: string
  readonly priority: number
  readonly jobs: SortedIndex<JobRecord>
}

/** Pending jobs by kind, since each kind may have a rate limit: the next job is the first of a kind that may run. */
export class PendingIndex {
  /** The levels of each kind that has jobs, lowest priority first. None is empty. */
  readonly #kinds = new Map<string, Array<Level>>()
  readonly #buckets = new Map<string, Bucket>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get rates(): Readonly<Record<string, RateLimit>> {
    return Object.fromEntries([...this.#buckets].map(([kind, { rate }]) => [kind, rate]))
  }

  /** Adds a job that stands nowhere. */
  add(record: JobRecord): void {
    const level = this.#levelOf(record.new.kind, record.new.priority)
    record.level = level
    level.jobs.add(record)
    this.#size++
  }

  /** Takes out a job that stands here, whatever its kind and priority are by now. */
  delete(record: JobRecord): void {
    const level = record.level!
    record.level = undefined
    level.jobs.delete(record)
    this.#size--
    if (level.jobs.size > 0) return
    const levels = this.#kinds.get(level.kind)!
    if (levels.length === 1) this.#kinds.delete(level.kind)
    else levels.splice(levels.indexOf(level), 1)
  }

  #levelOf(kind: string, priority: number): Level {
    const levels = this.#kinds.get(kind)
    if (levels === undefined) {
      const level = { kind, priority, jobs: new SortedIndex<JobRecord>() }
      this.#kinds.set(kind, [level])
      return level
    }
    let place = 0
    while (place < levels.length && levels[place]!.priority < priority) place++
    const found = levels[place]
    if (found?.priority === priority) return found
    const level = { kind, priority, jobs: new SortedIndex<JobRecord>() }
    levels.splice(place, 0, level)
    return level
  }

  sorted(): ReadonlyArray<JobRecord> {
    return [...this.#kinds.values()]
      .flatMap((levels) => levels.flatMap(({ jobs }) => jobs.sorted()))
      .toSorted((a, b) => a.score - b.score)
  }

  /** Sets or lifts the limit of a kind. A new one starts with a full bucket. */
  setRate(kind: string, rate: RateLimit | undefined, now: EpochMillis): void {
    if (rate === undefined) this.#buckets.delete(kind)
    else this.#buckets.set(kind, { rate, tokens: Math.min(rate.burst, this.#tokens(kind, now, rate.burst)), at: now })
  }

  /** The first job that its kind's limit lets run now. */
  next(now: EpochMillis): JobRecord | undefined {
    let first: JobRecord | undefined
    for (const levels of this.#kinds.values()) {
      const level = levels[0]!
      if (this.#buckets.size > 0 && this.#buckets.has(level.kind) && this.#tokens(level.kind, now) < 1) continue
      const own = level.jobs.first!
      if (first === undefined || own.score < first.score) first = own
    }
    return first
  }

  /** Takes the token of a job that starts. */
  spend(kind: string, now: EpochMillis): void {
    const bucket = this.#buckets.size === 0 ? undefined : this.#buckets.get(kind)
    if (bucket === undefined) return
    bucket.tokens = this.#tokens(kind, now) - 1
    bucket.at = now
  }

  /** When a kind that waits for tokens is worth another look. */
  nextTokenAt(now: EpochMillis): EpochMillis | undefined {
    if (this.#buckets.size === 0) return undefined
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
