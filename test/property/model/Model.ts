import { assert } from "@effect/vitest"
import { isDeepStrictEqual } from "node:util"
import type { DeadReason, EpochMillis, Failure, Job, JobId, JobState, Token } from "../../../src/domain/Job.ts"
import { isFinal } from "../../../src/domain/transition.ts"
import type { DeadSelection, RedriveOutcome } from "../../../src/ports/DeadLetterStore.ts"
import type * as Store from "../../../src/ports/JobStore.ts"

export interface Held {
  readonly jobId: JobId
  readonly token: Token
}

/** What must be seen of a job, its place in the queue, and its token until a rescue or a redrive takes it back. */
export interface Entry {
  readonly given: Store.NewJob
  job: Job
  place: number
  token: Token | undefined
}

type Entries = ReadonlyArray<Entry>

/** Leaves behind what belongs to one state alone. */
const enter = (entry: Entry, state: JobState, changes: Partial<Job> = {}) => {
  const { deadReason, finishedAt, leaseExpiresAt, result, visibleAt, worker, ...rest } = entry.job
  entry.job = { ...rest, state, ...changes }
}

/** When its state ends by itself, or when it died. */
const instant = ({ job }: Entry): EpochMillis =>
  job.visibleAt ?? job.leaseExpiresAt ?? (job.finishedAt ?? 0) + (job.state === "dead" ? 0 : job.retainMillis)

const idsOf = (entries: Entries) => entries.map(({ job }) => job.id)

const instants = (entries: Entries) => entries.map(instant).toSorted((a, b) => a - b)

/** The chosen are the first `count` of the candidates; those of one instant may stand in any order. */
const assertFirst = (chosen: Entries, candidates: Entries, count: number) => {
  for (const entry of chosen) assert.include(candidates, entry)
  assert.deepStrictEqual(instants(chosen), instants(candidates).slice(0, count))
}

const assertSorted = (entries: Entries) => assert.deepStrictEqual(entries.map(instant), instants(entries))

const identity = ({ headers: _, visible: __, ...rest }: Store.NewJob) => rest

/** What docs/semantics.md lets be seen of one queue. A call takes the store's reply, and refuses a wrong one. */
export class Model {
  readonly jobs = new Map<JobId, Entry>()
  readonly counters = {
    ...{ enqueued: 0, claimed: 0, completed: 0, retried: 0, died: 0, cancelled: 0, snoozed: 0 },
    ...{ released: 0, rescued: 0, redriven: 0, removed: 0, duplicates: 0, stale: 0, expired: 0 }
  }
  /** Every claim of a job, in order; every worker's last; and the last exchange. */
  readonly issued: Array<Held> = []
  readonly claims = new Map<string, { readonly request: Store.ClaimRequest; readonly held: ReadonlyArray<Held> }>()
  last: Store.ExchangeRequest | undefined
  readonly queue: string
  now: EpochMillis
  paused = false
  #places = 0

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

  /** In the order of claiming. */
  visible(): Entries {
    return this.in("pending").toSorted((a, b) => a.job.priority - b.job.priority || a.place - b.place)
  }

  nextInstant(): EpochMillis | undefined {
    const changing = this.in("scheduled", "retry", "active", "completed", "cancelled")
    return instants(changing).find((at) => at > this.now)
  }

  isHeld({ jobId, token }: Held): boolean {
    const entry = this.jobs.get(jobId)
    return entry?.job.state === "active" && entry.token === token
  }

  #holder(key: string | undefined): Entry | undefined {
    const owns = ({ job }: Entry) => key !== undefined && job.uniqueKey === key && !isFinal(job.state)
    return [...this.jobs.values()].find(owns)
  }

  enqueue(given: Store.NewJob): Store.EnqueueOutcome {
    const stored = this.jobs.get(given.id)
    const holder = this.#holder(given.uniqueKey)
    if (stored ?? holder) this.counters.duplicates++
    if (stored) return { _tag: "Existing", identical: isDeepStrictEqual(identity(stored.given), identity(given)) }
    if (holder) return { _tag: "Duplicate", of: holder.job.id }
    const { headers = {}, tags = [], visible = { inMillis: 0 }, ...rest } = given
    const fresh = { state: "pending", attempt: 0, rescues: 0, snoozes: 0, enqueuedAt: this.now, failures: [] } as const
    const job = { ...rest, queue: this.queue, headers, tags, ...fresh }
    const entry: Entry = { given, job, place: ++this.#places, token: undefined }
    const visibleAt = "at" in visible ? visible.at : this.now + visible.inMillis
    if (visibleAt > this.now) enter(entry, "scheduled", { visibleAt })
    this.jobs.set(given.id, entry)
    this.counters.enqueued++
    return { _tag: "Enqueued" }
  }

  exchange(request: Store.ExchangeRequest, reply: Store.ExchangeReply): void {
    this.last = request
    const settled = request.settlements.map((settlement) => this.#settle(settlement))
    assert.deepStrictEqual(reply.settled, settled)
    if (request.claim === undefined) return assert.isEmpty([...reply.claimed, ...reply.rescued, ...reply.buried])
    this.rescue(100, reply)
    for (const entry of this.due("scheduled", "retry")) enter(entry, "pending")
    this.#claim(request.worker, request.claim, reply.claimed)
    const [next] = instants(this.in("scheduled", "retry", "active"))
    assert.strictEqual(reply.paused, this.paused, "paused")
    assert.strictEqual(reply.more, !this.paused && this.in("pending").length > 0, "more")
    assert.strictEqual(reply.nextInMillis, next === undefined ? undefined : next - this.now, "nextInMillis")
  }

  #claim(worker: string, request: Store.ClaimRequest, claimed: ReadonlyArray<Store.ClaimedJob>) {
    const held = claimed.map(({ id, token }) => ({ jobId: id, token }))
    const last = this.claims.get(worker)
    if (last !== undefined && request.number <= last.request.number) {
      const still = request.number < last.request.number ? [] : last.held.filter((one) => this.isHeld(one))
      assert.deepStrictEqual(held, still)
    } else {
      const first = this.paused ? [] : this.visible().slice(0, request.limit)
      assert.deepStrictEqual(
        held.map(({ jobId }) => jobId),
        idsOf(first)
      )
      first.forEach((entry, i) => {
        entry.token = held[i]!.token
        assert.isAbove(entry.token, this.issued.at(-1)?.token ?? 0)
        const lease = { leaseExpiresAt: this.now + request.leaseMillis, startedAt: this.now, worker }
        enter(entry, "active", { ...lease, attempt: entry.job.attempt + 1 })
        this.issued.push(held[i]!)
        this.counters.claimed++
      })
      this.claims.set(worker, { request, held })
    }
    for (const { token: _, ...seen } of claimed) assert.deepInclude(this.jobs.get(seen.id)!.job, seen)
  }

  #settle(settlement: Store.Settlement): Store.SettleOutcome {
    const entry = this.jobs.get(settlement.jobId)
    if (entry === undefined) return "gone"
    if (entry.token !== settlement.token) {
      this.counters.stale++
      return "stale"
    }
    if (entry.job.state !== "active") return "repeated"
    const { attempt, maxAttempts, snoozes } = entry.job
    const visibleAt = this.now + ("delayMillis" in settlement ? settlement.delayMillis : 0)
    switch (settlement._tag) {
      case "Complete":
        this.#finish(entry, "completed", "result" in settlement ? { result: settlement.result } : {})
        break
      case "Cancel":
        this.#fail(entry, "cancelled", settlement.reason)
        this.#finish(entry, "cancelled")
        break
      case "Bury":
        this.#fail(entry, "dead", settlement.error)
        this.#bury(entry, settlement.reason)
        break
      case "Retry":
        this.#fail(entry, attempt < maxAttempts ? "retry" : "dead", settlement.error)
        if (attempt >= maxAttempts) return this.#bury(entry, "exhausted")
        enter(entry, "retry", { visibleAt })
        this.counters.retried++
        break
      case "Snooze":
        enter(entry, "scheduled", { visibleAt, attempt: attempt - 1, snoozes: snoozes + 1 })
        this.counters.snoozed++
        break
      case "Release":
        if (visibleAt > this.now) enter(entry, "scheduled", { visibleAt, attempt: attempt - 1 })
        else enter(entry, "pending", { attempt: attempt - 1 })
        this.counters.released++
    }
    return "settled"
  }

  #finish(entry: Entry, state: "completed" | "cancelled", changes: Partial<Job> = {}) {
    enter(entry, state, { ...changes, finishedAt: this.now })
    this.counters[state]++
    if (entry.job.retainMillis === 0) this.remove([entry.job.id])
  }

  #fail(entry: Entry, outcome: Failure["outcome"], error: string) {
    const { attempt, failures, startedAt } = entry.job
    const line = { attempt, startedAt: startedAt!, endedAt: this.now, outcome, error }
    entry.job = { ...entry.job, failures: [...failures, line].slice(-20) }
  }

  #bury(entry: Entry, deadReason: DeadReason) {
    enter(entry, "dead", { deadReason, finishedAt: this.now })
    this.counters.died++
    return "died" as const
  }

  remove(ids: ReadonlyArray<JobId>) {
    for (const id of ids) if (this.jobs.delete(id)) this.counters.removed++
  }

  extend(leases: ReadonlyArray<Held>, leaseMillis: number): ReadonlyArray<boolean> {
    return leases.map((lease) => {
      const entry = this.jobs.get(lease.jobId)
      if (entry !== undefined && entry.token !== lease.token) this.counters.stale++
      if (!this.isHeld(lease)) return false
      entry!.job = { ...entry!.job, leaseExpiresAt: this.now + leaseMillis }
      return true
    })
  }

  #named(ids: ReadonlyArray<JobId>): Entries {
    return ids.map((id) => this.jobs.get(id)!)
  }

  /** `moved` are found pending afterwards. */
  promote(limit: number, answer: number, moved: ReadonlyArray<JobId>): void {
    const [delayed, retrying] = [this.due("scheduled"), this.due("retry")]
    const among = (entries: Entries) => entries.filter(({ job }) => moved.includes(job.id))
    assert.strictEqual(answer, moved.length)
    assertFirst(among(delayed), delayed, limit)
    assertFirst(among(retrying), retrying, Math.max(0, limit - delayed.length))
    for (const entry of this.#named(moved)) enter(entry, "pending")
  }

  rescue(limit: number, { buried, rescued }: Store.RescueReply): void {
    const crashed = this.#named([...rescued, ...buried])
    assertFirst(crashed, this.due("active"), limit)
    for (const ids of [rescued, buried]) assertSorted(this.#named(ids))
    for (const entry of crashed) {
      const { attempt, maxAttempts, rescues } = entry.job
      assert.strictEqual(buried.includes(entry.job.id), attempt >= maxAttempts)
      this.#fail(entry, "crashed", "")
      enter(entry, "pending", { rescues: rescues + 1 })
      if (attempt >= maxAttempts) this.#bury(entry, "crashed")
      entry.token = undefined
      this.counters.rescued++
    }
  }

  /** `removed` are found no more. Each state loses those whose time is over, and the first beyond its count. */
  prune(policy: Store.PrunePolicy, answer: number, removed: ReadonlyArray<JobId>): void {
    let over = 0
    for (const state of ["completed", "cancelled", "dead"] as const) {
      const [keep, most] = state === "dead" ? [policy.deadRetainMillis, policy.maxDead] : [0, policy.maxFinished]
      const all = this.in(state)
      const gone = all.filter(({ job }) => removed.includes(job.id))
      const prunable = Math.max(all.length - most, all.filter((entry) => instant(entry) + keep <= this.now).length)
      assertFirst(gone, all, gone.length)
      assert.isAtMost(gone.length, prunable)
      over += prunable
    }
    assert.deepStrictEqual([answer, removed.length], Array(2).fill(Math.min(policy.limit, over)))
    this.remove(removed)
  }

  redrive(selection: DeadSelection, reply: ReadonlyArray<{ readonly jobId: JobId; readonly outcome: RedriveOutcome }>) {
    const ids = reply.map(({ jobId }) => jobId)
    if ("jobIds" in selection) assert.deepStrictEqual(ids, selection.jobIds)
    else {
      assertFirst(this.#named(ids), this.in("dead"), selection.oldest)
      assertSorted(this.#named(ids))
    }
    for (const { jobId, outcome } of reply) {
      const entry = this.jobs.get(jobId)
      const isDead = entry?.job.state === "dead"
      const isTaken = this.#holder(entry?.job.uniqueKey) !== undefined
      assert.strictEqual(outcome, !isDead ? "not-dead" : isTaken ? "key-taken" : "redriven", jobId)
      if (!isDead || isTaken) continue
      const { startedAt: _, ...rest } = entry.job
      entry.job = rest
      entry.token = undefined
      entry.place = ++this.#places
      enter(entry, "pending", { attempt: 0, rescues: 0, snoozes: 0 })
      this.counters.redriven++
    }
  }

  /** `removed` are found no more. */
  purge(selection: DeadSelection, answer: number, removed: ReadonlyArray<JobId>): void {
    const dead = this.in("dead")
    if ("oldest" in selection) assertFirst(this.#named(removed), dead, selection.oldest)
    else
      assert.sameMembers(
        [...removed],
        idsOf(dead).filter((id) => selection.jobIds.includes(id))
      )
    assert.strictEqual(answer, removed.length)
    this.remove(removed)
  }
}
