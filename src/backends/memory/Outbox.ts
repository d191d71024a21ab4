import type { EpochMillis, JobId } from "../../domain/Job.ts"
import { endingHeldMillis, type MemberEnding, memberKnownMillis, type NewJob } from "../../ports/JobStore.ts"

interface Entry {
  readonly ending: MemberEnding
  due: EpochMillis
}

const none: ReadonlyArray<MemberEnding> = []

/** How members of workflows ended, until their workflows know; and, for a while, that they did. */
export class Outbox {
  readonly #entries = new Map<JobId, Entry>()
  /** When each member ended, oldest first. */
  readonly #known = new Map<JobId, EpochMillis>()
  #sequence = 0
  #handed: Array<MemberEnding> | undefined

  /** What is added from now on goes to the caller, until it takes it. */
  handOver(): void {
    this.#handed = []
  }

  handedOver(): ReadonlyArray<MemberEnding> {
    const handed = this.#handed
    this.#handed = undefined
    return handed === undefined || handed.length === 0 ? none : handed
  }

  add({ id, member }: NewJob, ended: MemberEnding["ended"], now: EpochMillis): void {
    if (member === undefined) return
    const ending = { jobId: id, sequence: ++this.#sequence, member, ended }
    this.#entries.delete(id)
    this.#entries.set(id, { ending, due: this.#handed === undefined ? now : now + endingHeldMillis })
    this.#handed?.push(ending)
    if (ended._tag === "Redriven") return
    this.#known.delete(id)
    this.#known.set(id, now)
  }

  /** Whether a member with this id has ended not long ago. */
  knows(id: JobId, now: EpochMillis): boolean {
    const endedAt = this.#known.get(id)
    return endedAt !== undefined && endedAt + memberKnownMillis > now
  }

  /** Whether there is an ending that a workflow has not heard, or a member whose end is still remembered. */
  holds(now: EpochMillis): boolean {
    return this.#entries.size > 0 || [...this.#known.keys()].some((id) => this.knows(id, now))
  }

  clear(): void {
    this.#entries.clear()
    this.#known.clear()
  }

  take(limit: number, now: EpochMillis): ReadonlyArray<MemberEnding> {
    const due = [...this.#entries.values()].filter((entry) => entry.due <= now).toSorted((a, b) => a.due - b.due)
    return due.slice(0, limit).map((entry) => {
      entry.due = now + endingHeldMillis
      return entry.ending
    })
  }

  forget(endings: ReadonlyArray<Pick<MemberEnding, "jobId" | "sequence">>): void {
    for (const { jobId, sequence } of endings) {
      if (this.#entries.get(jobId)?.ending.sequence === sequence) this.#entries.delete(jobId)
    }
  }

  prune(now: EpochMillis): void {
    for (const [id, endedAt] of this.#known) {
      if (endedAt + memberKnownMillis > now) return
      this.#known.delete(id)
    }
  }
}
