import { assert } from "@effect/vitest"
import type { JobId } from "../../../src/domain/Job.ts"
import { isFinal } from "../../../src/domain/transition.ts"
import type { DeadSelection, RedriveOutcome } from "../../../src/ports/DeadLetterStore.ts"
import type * as Store from "../../../src/ports/JobStore.ts"
import { Board } from "./Board.ts"
import { assertFirst, assertSorted, described, endedOf, type Entries, enter, type Entry, idsOf } from "./Entry.ts"
import { instant, instants, isExpired, isIdentical, resolve } from "./Entry.ts"

type Held = Store.Held

/** What docs/semantics.md lets be seen of one queue. A call takes the store's reply, and refuses a wrong one. */
export class Model extends Board {
  /** Every claim of a job, in order; every worker's last; and the last exchange. */
  readonly issued: Array<Held> = []
  readonly claims = new Map<string, { readonly request: Store.ClaimRequest; readonly held: ReadonlyArray<Held> }>()
  last: Store.ExchangeRequest | undefined
  #places = 0

  enqueue(given: Store.NewJob): Store.EnqueueOutcome {
    const stored = this.jobs.get(given.id)
    const holder = this.keys.holder(given.uniqueKey, this.now)
    if (stored ?? holder) this.counters.duplicates++
    if (stored) return { _tag: "Existing", identical: isIdentical(stored.given, given) }
    if (holder) return { _tag: this.#replace(holder, given) ? "Replaced" : "Duplicate", of: holder.given.id }
    const fresh = { state: "pending", attempt: 0, rescues: 0, snoozes: 0, failures: [] } as const
    const at = { enqueuedAt: this.now, dueAt: this.now }
    const entry: Entry = {
      ...{ given, place: ++this.#places, token: undefined, watchers: new Set() },
      job: { ...described(given, this.now), queue: this.queue, ...fresh, ...at },
      log: { lines: [], token: undefined, added: 0 }
    }
    this.jobs.set(given.id, entry)
    this.counters.enqueued++
    this.#wait(entry)
    return { _tag: "Enqueued" }
  }

  /** From its enqueue, or from its replacement. */
  #wait(entry: Entry) {
    this.keys.take(entry, this.now)
    const visibleAt = resolve(entry.given.visible ?? { inMillis: 0 }, this.now)
    entry.job = { ...entry.job, dueAt: Math.max(this.now, visibleAt) }
    if (visibleAt > this.now) enter(entry, "scheduled", { visibleAt })
    else enter(entry, "pending")
  }

  /** The holder of a window may be gone, and another job have its id. */
  #replace(holder: Entry, given: Store.NewJob): boolean {
    const { attempt, enqueuedAt, failures, id, progress, queue, rescues, snoozes, startedAt, state } = holder.job
    const waits = this.jobs.get(id) === holder && (state === "pending" || state === "scheduled")
    if (given.onDuplicate !== "replace" || !waits) return false
    holder.given = { ...given, id }
    holder.job = {
      ...described(holder.given, this.now),
      ...{ attempt, enqueuedAt, dueAt: this.now, failures, queue, rescues, snoozes, state },
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(progress === undefined ? {} : { progress })
    }
    this.#wait(holder)
    return true
  }

  /** Answers the jobs that ended on the way. */
  exchange(request: Store.ExchangeRequest, reply: Store.ExchangeReply): ReadonlyArray<JobId> {
    this.last = request
    const settled = request.settlements.map((settlement) => this.#settle(settlement))
    assert.deepStrictEqual(reply.settled, settled)
    if (request.claim === undefined) {
      assert.isEmpty([...reply.claimed, ...reply.rescued, ...reply.buried])
      return []
    }
    const late = idsOf(this.due("active"))
    this.rescue(100, reply, late)
    for (const entry of this.due("scheduled", "retry")) enter(entry, "pending")
    const leases = instants(this.in("active"))
    const expired = this.#claim(request.worker, request.claim, reply.claimed)
    const [next] = [...leases, ...instants(this.in("scheduled", "retry"))].toSorted((a, b) => a - b)
    assert.strictEqual(reply.paused, this.paused, "paused")
    assert.strictEqual(reply.more, !this.paused && this.room() > 0 && this.in("pending").length > 0, "more")
    assert.strictEqual(reply.nextInMillis, next === undefined ? undefined : next - this.now, "nextInMillis")
    return [...late, ...expired]
  }

  /** Answers the jobs that it finds expired. */
  #claim(worker: string, request: Store.ClaimRequest, claimed: ReadonlyArray<Store.ClaimedJob>) {
    const held = claimed.map(({ id, token }) => ({ jobId: id, token }))
    const last = this.claims.get(worker)
    let expired: Entries = []
    if (last !== undefined && request.number <= last.request.number) {
      const still = request.number < last.request.number ? [] : last.held.filter((one) => this.isHeld(one))
      assert.deepStrictEqual(held, still)
    } else {
      const looked = this.paused ? [] : this.visible().slice(0, Math.min(request.limit, this.room()))
      expired = looked.filter((entry) => isExpired(entry, this.now))
      for (const entry of expired) this.cancelNow(entry, "expired", "")
      this.counters.expired += expired.length
      const first = looked.filter((entry) => !expired.includes(entry))
      assert.deepStrictEqual(
        held.map(({ jobId }) => jobId),
        idsOf(first)
      )
      first.forEach((entry, i) => this.#start(entry, worker, request.leaseMillis, held[i]!))
      this.claims.set(worker, { request, held })
    }
    for (const { token: _, ...seen } of claimed) assert.deepInclude(this.jobs.get(seen.id)!.job, seen)
    return idsOf(expired)
  }

  #start(entry: Entry, worker: string, leaseMillis: number, held: Held) {
    entry.token = held.token
    assert.isAbove(entry.token, this.issued.at(-1)?.token ?? 0)
    const lease = { leaseExpiresAt: this.now + leaseMillis, startedAt: this.now, token: held.token, worker }
    enter(entry, "active", { ...lease, attempt: entry.job.attempt + 1 })
    if (entry.given.uniqueUntil === "started") this.keys.free(entry)
    this.issued.push(held)
    this.counters.claimed++
  }

  #settle(settlement: Store.Settlement): Store.SettleOutcome {
    const entry = this.jobs.get(settlement.jobId)
    if (entry === undefined) return "gone"
    if (entry.token !== settlement.token) {
      this.counters.stale++
      return "stale"
    }
    if (entry.job.state !== "active") return "repeated"
    const { attempt, cancelRequested, maxAttempts, snoozes } = entry.job
    const visibleAt = this.now + ("delayMillis" in settlement ? settlement.delayMillis : 0)
    const { failure } = { failure: undefined, ...settlement }
    const typed = failure === undefined ? {} : { failure }
    if (cancelRequested !== undefined && ["Retry", "Snooze", "Release"].includes(settlement._tag)) {
      this.cancelNow(entry, "cancelled", cancelRequested)
      return "cancelled"
    }
    switch (settlement._tag) {
      case "Complete":
        this.finish(entry, "completed", "result" in settlement ? { result: settlement.result } : {})
        break
      case "Cancel":
        this.cancelNow(entry, "cancelled", settlement.reason)
        break
      case "Bury":
        this.fail(entry, "dead", settlement.error)
        this.bury(entry, settlement.reason, typed)
        break
      case "Retry":
        this.fail(entry, attempt < maxAttempts ? "retry" : "dead", settlement.error)
        if (attempt >= maxAttempts) return this.bury(entry, "exhausted", typed)
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

  extend(leases: ReadonlyArray<Held>, leaseMillis: number): ReadonlyArray<Store.LeaseStatus> {
    return leases.map((lease) => {
      const entry = this.heldBy(lease)
      if (entry === undefined) return "lost"
      entry.job = { ...entry.job, leaseExpiresAt: this.now + leaseMillis }
      return entry.job.cancelRequested === undefined ? "held" : "cancel"
    })
  }

  annotate(held: Held, progress: string | undefined, logs: Store.LogLines | undefined): boolean {
    const entry = this.heldBy(held)
    if (entry === undefined) return false
    if (progress !== undefined) entry.job = { ...entry.job, progress }
    if (logs !== undefined) {
      const added = this.logged(held)
      const lines = [...entry.log.lines, ...logs.lines.slice(Math.max(0, added - logs.from))].slice(-100)
      entry.log = { lines, token: held.token, added: Math.max(added, logs.from + logs.lines.length) }
    }
    return true
  }

  /** How many log lines the attempt has added. */
  logged({ jobId, token }: Held): number {
    const log = this.jobs.get(jobId)?.log
    return log?.token === token ? log.added : 0
  }

  cancel(jobId: JobId, reason: string): Store.CancelOutcome {
    const entry = this.jobs.get(jobId)
    if (entry === undefined) return "gone"
    if (isFinal(entry.job.state)) return "ended"
    if (entry.job.state === "active") {
      entry.job = { ...entry.job, cancelRequested: reason }
      return "requested"
    }
    this.cancelNow(entry, "cancelled", reason)
    return "cancelled"
  }

  watch(jobId: JobId, ref: number): Store.WatchReply {
    const entry = this.jobs.get(jobId)
    if (entry === undefined) return { _tag: "Missing" }
    if (isFinal(entry.job.state)) return { _tag: "Ended", ended: endedOf(entry) }
    entry.watchers = new Set([...entry.watchers, ref])
    return { _tag: "Watching" }
  }

  unwatch(jobId: JobId, ref: number): void {
    const entry = this.jobs.get(jobId)
    if (entry !== undefined) entry.watchers = new Set([...entry.watchers].filter((one) => one !== ref))
  }

  /** `moved` are found pending afterwards. */
  promote(limit: number, answer: number, moved: ReadonlyArray<JobId>): void {
    const [delayed, retrying] = [this.due("scheduled"), this.due("retry")]
    const among = (entries: Entries) => entries.filter(({ job }) => moved.includes(job.id))
    assert.strictEqual(answer, moved.length)
    assertFirst(among(delayed), delayed, limit)
    assertFirst(among(retrying), retrying, Math.max(0, limit - delayed.length))
    for (const entry of this.named(moved)) enter(entry, "pending")
  }

  /** The named jobs that it moves. */
  runNow(ids: ReadonlyArray<JobId>): ReadonlyArray<JobId> {
    return ids.filter((id) => {
      const entry = this.jobs.get(id)
      if (entry === undefined || !/^(scheduled|retry)$/.test(entry.job.state)) return false
      enter(entry, "pending", { dueAt: this.now })
      return true
    })
  }

  /** `moved` are active no more; the reply does not name those that were asked to stop. */
  rescue(limit: number, { buried, rescued }: Store.RescueReply, moved: ReadonlyArray<JobId>): void {
    const crashed = this.named(moved)
    assertFirst(crashed, this.due("active"), limit)
    for (const ids of [rescued, buried]) assertSorted(this.named(ids))
    for (const entry of crashed) {
      const { attempt, cancelRequested, id, maxAttempts, rescues } = entry.job
      const end = cancelRequested !== undefined ? "cancelled" : attempt >= maxAttempts ? "buried" : "rescued"
      assert.deepStrictEqual([rescued.includes(id), buried.includes(id)], [end === "rescued", end === "buried"], id)
      this.fail(entry, "crashed", "")
      enter(entry, "pending", { rescues: rescues + 1 })
      entry.token = undefined
      this.counters.rescued++
      if (end === "buried") this.bury(entry, "crashed")
      if (end === "cancelled") this.cancelNow(entry, "cancelled", cancelRequested!)
    }
    assert.includeMembers([...moved], [...rescued, ...buried])
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
      assertFirst(this.named(ids), this.in("dead"), selection.oldest)
      assertSorted(this.named(ids))
    }
    for (const { jobId, outcome } of reply) {
      const entry = this.jobs.get(jobId)
      const isDead = entry?.job.state === "dead"
      // a window is held from the enqueue on, and not again
      const takes = entry?.given.uniqueWindowMillis === undefined ? entry?.given.uniqueKey : undefined
      const isTaken = this.keys.holder(takes, this.now) !== undefined
      assert.strictEqual(outcome, !isDead ? "not-dead" : isTaken ? "key-taken" : "redriven", jobId)
      if (!isDead || isTaken) continue
      const { expiresAt, startedAt, ...rest } = entry.job
      entry.job = rest
      entry.token = undefined
      entry.place = ++this.#places
      enter(entry, "pending", { attempt: 0, rescues: 0, snoozes: 0, dueAt: this.now })
      if (takes !== undefined) this.keys.take(entry, this.now)
      this.counters.redriven++
    }
  }

  /** `removed` are found no more. */
  purge(selection: DeadSelection, answer: number, removed: ReadonlyArray<JobId>): void {
    const dead = this.in("dead")
    if ("oldest" in selection) assertFirst(this.named(removed), dead, selection.oldest)
    else
      assert.sameMembers(
        [...removed],
        idsOf(dead).filter((id) => selection.jobIds.includes(id))
      )
    assert.strictEqual(answer, removed.length)
    this.remove(removed)
  }
}
