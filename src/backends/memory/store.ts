import * as Result from "effect/Result"
import type { EpochMillis, JobId, Member, Token } from "../../domain/Job.ts"
import { checkNewJob } from "../../ports/checks.ts"
import type {
  ClaimedJob,
  ClaimRequest,
  EnqueueOutcome,
  ExchangeReply,
  ExchangeRequest,
  NewJob,
  PrunePolicy
} from "../../ports/JobStore.ts"
import { cancelNow, promote, rescue, settle } from "./lifecycle.ts"
import { JobRecord, type QueueState, readyScore } from "./QueueState.ts"
import type { SortedIndex } from "./SortedIndex.ts"

/** How much a claim tidies up on the way. */
const rescueLimit = 100
const promoteLimit = 1000

const silentMillis = 2 * 24 * 60 * 60 * 1000

const instant = (
  given: { readonly inMillis: number } | { readonly at: EpochMillis } | undefined,
  now: EpochMillis
): EpochMillis | undefined => (given === undefined ? undefined : "at" in given ? given.at : now + given.inMillis)

const identical = (a: NewJob, b: NewJob): boolean =>
  a.kind === b.kind &&
  a.payload === b.payload &&
  a.priority === b.priority &&
  a.maxAttempts === b.maxAttempts &&
  a.retainMillis === b.retainMillis &&
  a.uniqueKey === b.uniqueKey &&
  a.member?.workflow === b.member?.workflow &&
  a.member?.node === b.member?.node &&
  a.member?.generation === b.member?.generation

/** Makes a waiting job another one under the same id and in the same place. */
const replace = (queue: QueueState, record: JobRecord, job: NewJob, now: EpochMillis): void => {
  record.new = { ...job, id: record.new.id }
  record.expiresAt = instant(job.expires, now)
  queue.holdKey(job, record.new.id, now)
  const due = instant(job.visible, now) ?? now
  record.dueAt = Math.max(now, due)
  if (due > now) queue.move(record, "scheduled", due)
  else queue.move(record, "pending", readyScore(record))
}

// answers and empty parts that all jobs share
const enqueued: EnqueueOutcome = { _tag: "Enqueued" }
const noHeaders: Readonly<Record<string, string>> = Object.freeze({})
const none: ReadonlyArray<never> = Object.freeze([])

const enqueueOne = (queue: QueueState, job: NewJob, now: EpochMillis): EnqueueOutcome => {
  const existing = queue.jobs.get(job.id)
  if (existing !== undefined) {
    queue.counters.duplicates++
    return { _tag: "Existing", identical: identical(existing.new, job) }
  }
  if (job.member !== undefined && queue.outbox.knows(job.id, now)) {
    queue.counters.duplicates++
    return { _tag: "Existing", identical: true }
  }
  if (job.acceptBefore !== undefined && job.acceptBefore <= now) {
    queue.counters.duplicates++
    return { _tag: "Late" }
  }
  const owner = queue.ownerOf(job.uniqueKey, now)
  if (owner !== undefined) {
    queue.counters.duplicates++
    const holder = queue.jobs.get(owner)
    const waits = holder?.state === "pending" || holder?.state === "scheduled"
    if (job.onDuplicate !== "replace" || holder === undefined || !waits || holder.new.uniqueKey !== job.uniqueKey)
      return { _tag: "Duplicate", of: owner }
    replace(queue, holder, job, now)
    return { _tag: "Replaced", of: owner }
  }
  queue.holdKey(job, job.id, now)
  const visibleAt = instant(job.visible, now) ?? now
  const record = new JobRecord(job, queue.nextSequence(), now, visibleAt, instant(job.expires, now))
  queue.add(record)
  queue.counters.enqueued++
  return enqueued
}

export const enqueue = (
  queue: QueueState,
  jobs: ReadonlyArray<NewJob>,
  now: EpochMillis
): ReadonlyArray<EnqueueOutcome> => {
  for (const job of jobs) Result.getOrThrow(checkNewJob(job))
  const soonest = queue.indexes.scheduled.first?.score ?? Infinity
  const visible = queue.indexes.pending.size
  const outcomes = jobs.map((job) => enqueueOne(queue, job, now))
  // a job due before all others is a reason to look as well: whoever waits must learn the new time
  if (queue.indexes.pending.size > visible || (queue.indexes.scheduled.first?.score ?? Infinity) < soonest) {
    queue.signal.raise()
  }
  return outcomes
}

/** A class for the same reason as `JobRecord`. */
class HandedOut implements ClaimedJob {
  readonly id: JobId
  readonly token: Token
  readonly kind: string
  readonly payload: string
  readonly priority: number
  readonly attempt: number
  readonly maxAttempts: number
  readonly rescues: number
  readonly snoozes: number
  readonly enqueuedAt: EpochMillis
  readonly dueAt: EpochMillis
  readonly headers: Readonly<Record<string, string>>
  readonly tags: ReadonlyArray<string>
  declare readonly member?: Member

  constructor({ attempt, dueAt, enqueuedAt, id, new: given, rescues, snoozes, token }: JobRecord) {
    this.id = id
    this.token = token
    this.kind = given.kind
    this.payload = given.payload
    this.priority = given.priority
    this.attempt = attempt
    this.maxAttempts = given.maxAttempts
    this.rescues = rescues
    this.snoozes = snoozes
    this.enqueuedAt = enqueuedAt
    this.dueAt = dueAt
    this.headers = given.headers ?? noHeaders
    this.tags = given.tags ?? none
    if (given.member !== undefined) this.member = given.member
  }
}

const claim = (
  queue: QueueState,
  worker: string,
  request: ClaimRequest,
  now: EpochMillis
): ReadonlyArray<ClaimedJob> => {
  const last = queue.claims.get(worker)
  if (last !== undefined && request.number <= last.number) {
    if (request.number < last.number) return []
    return last.jobIds
      .map((jobId, i) => ({ record: queue.jobs.get(jobId), token: last.tokens[i] }))
      .filter(({ record, token }) => record?.state === "active" && record.token === token)
      .map(({ record }) => new HandedOut(record!))
  }
  const claimed: Array<ClaimedJob> = []
  const limit = Math.min(request.limit, room(queue))
  for (let looked = 0; !queue.paused && looked < limit; looked++) {
    const record = queue.indexes.pending.next(now)
    if (record === undefined) break
    if (record.expiresAt !== undefined && record.expiresAt <= now) {
      cancelNow(queue, record, "expired", "its time to start was over", now)
      queue.counters.expired++
      continue
    }
    queue.indexes.pending.spend(record.new.kind, now)
    record.attempt++
    record.token = queue.nextToken(now)
    record.worker = worker
    record.startedAt = now
    if (record.new.uniqueUntil === "started") queue.freeKey(record)
    queue.move(record, "active", now + request.leaseMillis)
    queue.counters.claimed++
    claimed.push(new HandedOut(record))
  }
  queue.workers.set(worker, { seenAt: now, about: queue.workers.get(worker)?.about ?? "" })
  queue.claims.set(worker, {
    number: request.number,
    jobIds: claimed.map(({ id }) => id),
    tokens: claimed.map(({ token }) => token)
  })
  return claimed
}

/** How many more jobs may be active. */
const room = (queue: QueueState): number => Math.max(0, (queue.maxActive ?? Infinity) - queue.indexes.active.size)

const nextInMillis = (queue: QueueState, expires: EpochMillis, now: EpochMillis): number | undefined => {
  const next = Math.min(
    expires,
    ...(["scheduled", "retry"] as const).map((state) => queue.indexes[state].first?.score ?? Infinity),
    queue.indexes.pending.nextTokenAt(now) ?? Infinity
  )
  return next === Infinity ? undefined : Math.max(0, next - now)
}

export const exchange = (queue: QueueState, request: ExchangeRequest, now: EpochMillis): ExchangeReply => {
  const before = queue.indexes.pending.size
  queue.outbox.handOver()
  const settled = request.settlements.map((settlement) => settle(queue, settlement, now))
  if (request.claim === undefined) {
    const madeRoom = queue.maxActive !== undefined && settled.length > 0 && room(queue) > 0
    if (queue.indexes.pending.size > (madeRoom ? 0 : before)) queue.signal.raise()
    const endings = queue.outbox.handedOver()
    return { settled, claimed: [], rescued: [], buried: [], more: false, paused: queue.paused, endings }
  }
  const { rescued, buried } = rescue(queue, rescueLimit, now)
  promote(queue, promoteLimit, now)
  const expires = queue.indexes.active.first?.score ?? Infinity
  const claimed = claim(queue, request.worker, request.claim, now)
  const more = !queue.paused && room(queue) > 0 && queue.indexes.pending.next(now) !== undefined
  if (more) queue.signal.raise()
  const next = nextInMillis(queue, expires, now)
  return {
    settled,
    claimed,
    rescued,
    buried,
    more,
    paused: queue.paused,
    endings: queue.outbox.handedOver(),
    ...(next === undefined ? {} : { nextInMillis: next })
  }
}

export const prune = (queue: QueueState, policy: PrunePolicy, now: EpochMillis): number => {
  const { completed, cancelled, dead } = queue.indexes
  let left = policy.limit
  const drop = (index: SortedIndex<JobRecord>, while_: (score: number) => boolean) => {
    while (left > 0 && index.first !== undefined && while_(index.first.score)) {
      queue.remove(index.firstById!)
      left--
    }
  }
  // a worker unseen for two days cannot come back with a claim: leases last a day at most
  for (const [worker, { seenAt }] of queue.workers) {
    if (seenAt + silentMillis <= now) {
      queue.workers.delete(worker)
      queue.claims.delete(worker)
    }
  }
  queue.outbox.prune(now)
  for (const [key, { until }] of queue.uniqueOwners)
    if (until !== undefined && until <= now) queue.uniqueOwners.delete(key)
  for (const index of [completed, cancelled]) drop(index, (expiry) => expiry <= now)
  drop(dead, (diedAt) => diedAt + policy.deadRetainMillis <= now)
  for (const index of [completed, cancelled]) drop(index, () => index.size > policy.maxFinished)
  drop(dead, () => dead.size > policy.maxDead)
  return policy.limit - left
}
