import type { DeadReason, Ended, EpochMillis, Failure, Job, JobId, JobState } from "../../../src/domain/Job.ts"
import type { Held } from "../../../src/ports/JobStore.ts"
import { endedOf, type Entries, enter, type Entry, instant, instants } from "./Entry.ts"
import { UniqueKeys } from "./UniqueKeys.ts"

/** The jobs of one queue, what was counted and told of them, and how they end. */
export class Board {
  readonly jobs = new Map<JobId, Entry>()
  readonly counters = {
    ...{ enqueued: 0, claimed: 0, completed: 0, retried: 0, died: 0, cancelled: 0, snoozed: 0 },
    ...{ released: 0, rescued: 0, redriven: 0, removed: 0, duplicates: 0, stale: 0, expired: 0 }
  }
  readonly keys = new UniqueKeys()
  /** Every notice that watchers must have got. */
  readonly told: Array<{ readonly ref: number; readonly ended: Ended }> = []
  readonly queue: string
  now: EpochMillis
  paused = false
  maxActive: number | undefined = undefined

  constructor(queue: string, now: EpochMillis) {
    this.queue = queue
    this.now = now
  }

  in(...states: ReadonlyArray<JobState>): Entries {
    return [...this.jobs.values()].filter(({ job }) => states.includes(job.state))
  }

  due(...states: ReadonlyArray<JobState>): Entries {
    return this.in(...states).filter((entry) => instant(entry) <= this.now)
  }

  named(ids: ReadonlyArray<JobId>): Entries {
    return ids.map((id) => this.jobs.get(id)!)
  }

  /** In the order of claiming. */
  visible(): Entries {
    return this.in("pending").toSorted((a, b) => a.job.priority - b.job.priority || a.place - b.place)
  }

  /** How many more jobs may be active. */
  room(): number {
    return Math.max(0, (this.maxActive ?? Infinity) - this.in("active").length)
  }

  nextInstant(): EpochMillis | undefined {
    const changing = instants(this.in("scheduled", "retry", "active", "completed", "cancelled"))
    const expiring = this.in("scheduled", "pending", "retry").flatMap(({ job }) => job.expiresAt ?? [])
    const coming = [...changing, ...expiring, ...this.keys.windowEnds()].filter((at) => at > this.now)
    return coming.length === 0 ? undefined : Math.min(...coming)
  }

  isHeld({ jobId, token }: Held): boolean {
    const entry = this.jobs.get(jobId)
    return entry?.job.state === "active" && entry.token === token
  }

  /** The job that the token holds; one that was current once is counted. */
  heldBy(held: Held): Entry | undefined {
    const entry = this.jobs.get(held.jobId)
    if (entry !== undefined && entry.token !== held.token) this.counters.stale++
    return this.isHeld(held) ? entry : undefined
  }

  fail(entry: Entry, outcome: Failure["outcome"], error: string) {
    const { attempt, failures, startedAt = this.now } = entry.job
    const line = { attempt, startedAt, endedAt: this.now, outcome, error }
    entry.job = { ...entry.job, failures: [...failures, line].slice(-20) }
  }

  finish(entry: Entry, state: "completed" | "cancelled", changes: Partial<Job> = {}) {
    this.#end(entry, state, changes)
    this.counters[state]++
    if (entry.job.retainMillis === 0) this.remove([entry.job.id])
  }

  cancelNow(entry: Entry, outcome: "cancelled" | "expired", reason: string) {
    this.fail(entry, outcome, reason)
    this.finish(entry, "cancelled")
  }

  bury(entry: Entry, deadReason: DeadReason, changes: Partial<Job> = {}) {
    this.#end(entry, "dead", { ...changes, deadReason })
    this.counters.died++
    return "died" as const
  }

  #end(entry: Entry, state: JobState, changes: Partial<Job>) {
    this.keys.free(entry)
    enter(entry, state, { ...changes, finishedAt: this.now })
    for (const ref of entry.watchers) this.told.push({ ref, ended: endedOf(entry) })
    entry.watchers = new Set()
  }

  remove(ids: ReadonlyArray<JobId>) {
    for (const id of ids) if (this.jobs.delete(id)) this.counters.removed++
  }
}
