import type {
  DeadReason,
  Ended,
  EpochMillis,
  Failure,
  FailureOutcome,
  Job,
  JobId,
  JobState,
  Token
} from "../../domain/Job.ts"
import { boundedText } from "../../domain/bounded-text.ts"
import { maxFailures } from "../../domain/Job.ts"
import { TurnoverMap } from "../../domain/TurnoverMap.ts"
import type { Counters } from "../../ports/QueueControl.ts"
import type { NewJob } from "../../ports/JobStore.ts"
import type { Notice } from "../../ports/Notices.ts"
import { Outbox } from "./Outbox.ts"
import type { ScheduleRecord } from "../../ports/ScheduleStore.ts"
import { type Level, PendingIndex } from "./PendingIndex.ts"
import { Signal } from "./Signal.ts"
import { type Entry, notInHeap, SortedIndex } from "./SortedIndex.ts"

const none: ReadonlyArray<never> = Object.freeze([])
const nothingLogged = Object.freeze({ token: 0, lines: 0 })

/** Priority above a 40-bit sequence. */
export const readyScore = (record: JobRecord): number => record.new.priority * 2 ** 40 + record.sequence

/**
 * A stored job. Which index holds it follows from `state`; `move` changes both.
 *
 * A class, since V8 may take what one object literal makes for old from the start (decision 16).
 */
export class JobRecord implements Entry<JobRecord> {
  readonly id: JobId
  new: NewJob
  readonly enqueuedAt: EpochMillis
  dueAt: EpochMillis
  expiresAt: EpochMillis | undefined
  sequence: number
  state: JobState
  attempt = 0
  rescues = 0
  snoozes = 0
  /** The token of the current or latest claim; 0 once a rescue or a redrive made that claim stale. */
  token: Token = 0
  worker: string | undefined = undefined
  startedAt: EpochMillis | undefined = undefined
  finishedAt: EpochMillis | undefined = undefined
  deadReason: DeadReason | undefined = undefined
  /** The encoded success of a completed job, or typed failure of a dead one. */
  result: string | undefined = undefined
  cancelRequested: string | undefined = undefined
  progress: string | undefined = undefined
  logs: ReadonlyArray<string> = none
  /** How many log lines the attempt with this token has added. */
  logged: { readonly token: Token; readonly lines: number } = nothingLogged
  /** When it becomes visible (scheduled, retry), when its lease ends (active), when its time ends (final). */
  score: number
  failures: ReadonlyArray<Failure> = none
  /** Where it stands while it is pending. */
  level: Level | undefined = undefined
  previous: JobRecord | undefined = undefined
  next: JobRecord | undefined = undefined
  position = notInHeap

  constructor(
    job: NewJob,
    sequence: number,
    now: EpochMillis,
    visibleAt: EpochMillis,
    expiresAt: EpochMillis | undefined
  ) {
    this.id = job.id
    this.new = job
    this.enqueuedAt = now
    this.dueAt = Math.max(now, visibleAt)
    this.expiresAt = expiresAt
    this.sequence = sequence
    const waits = visibleAt > now
    this.state = waits ? "scheduled" : "pending"
    this.score = waits ? visibleAt : readyScore(this)
  }
}

interface LastClaim {
  readonly number: number
  /** What it handed out. Not the jobs themselves: a worker that is gone would keep their payloads. */
  readonly jobIds: ReadonlyArray<JobId>
  readonly tokens: ReadonlyArray<Token>
}

/** Whoever wants to know when a job ends. */
interface Watcher {
  readonly name: string
  readonly ref: number
}

interface Owner {
  readonly id: JobId
  /** When the key is free again whatever becomes of the job; absent when the job frees it. */
  readonly until?: EpochMillis
}

interface WorkerSeen {
  readonly seenAt: EpochMillis
  readonly about: string
}

/** How a job in a final state ended. */
export const endedOf = (record: JobRecord): Ended => {
  const last = record.failures.at(-1)
  switch (record.state) {
    case "completed":
      return { _tag: "Completed", ...(record.result === undefined ? {} : { result: record.result }) }
    case "dead":
      return {
        _tag: "Dead",
        reason: record.deadReason!,
        error: last?.error ?? "",
        ...(record.result === undefined ? {} : { failure: record.result })
      }
    default:
      return { _tag: "Cancelled", reason: last?.error ?? "", expired: last?.outcome === "expired" }
  }
}

const tokensPerMilli = 1024

const noCounters: { -readonly [Name in keyof Counters]: number } = {
  enqueued: 0,
  claimed: 0,
  completed: 0,
  retried: 0,
  died: 0,
  cancelled: 0,
  snoozed: 0,
  released: 0,
  rescued: 0,
  redriven: 0,
  removed: 0,
  duplicates: 0,
  stale: 0,
  expired: 0
}

/** Everything the memory backend knows of one queue. */
export class QueueState {
  readonly name: string
  readonly jobs = new TurnoverMap<JobId, JobRecord>()
  readonly uniqueOwners = new Map<string, Owner>()
  readonly claims = new Map<string, LastClaim>()
  readonly watchers = new Map<JobId, ReadonlyArray<Watcher>>()
  readonly workers = new Map<string, WorkerSeen>()
  readonly outbox = new Outbox()
  readonly schedules = new Map<string, ScheduleRecord>()
  readonly signal = new Signal()
  readonly indexes = {
    pending: new PendingIndex(),
    scheduled: new SortedIndex<JobRecord>(),
    retry: new SortedIndex<JobRecord>(),
    active: new SortedIndex<JobRecord>(),
    completed: new SortedIndex<JobRecord>(),
    cancelled: new SortedIndex<JobRecord>(),
    dead: new SortedIndex<JobRecord>()
  } satisfies Record<JobState, unknown>
  readonly counters = { ...noCounters }
  maxActive: number | undefined = undefined
  paused = false
  /** Whether it took a job, a pause or a worker's sign of life since it was removed last, and so is named in lists. */
  isKnown = false
  #scheduleVersion = 0
  #sequence = 0
  #token = 0

  readonly #notify: (name: string, notice: Notice) => void

  constructor(name: string, notify: (name: string, notice: Notice) => void) {
    this.name = name
    this.#notify = notify
  }

  /** Forgets all but who listens, how tokens have grown, and the jobs, of which there must be none. */
  reset(): void {
    for (const map of [this.uniqueOwners, this.claims, this.watchers, this.workers]) map.clear()
    for (const kind of Object.keys(this.indexes.pending.rates)) this.indexes.pending.setRate(kind, undefined, 0)
    this.outbox.clear()
    Object.assign(this.counters, noCounters)
    this.maxActive = undefined
    this.paused = false
    this.isKnown = false
  }

  /** Tells everybody who watches the job, once, and remembers it for the job's workflow. */
  tellEnded(record: JobRecord, now: EpochMillis): void {
    if (record.new.member !== undefined) this.outbox.add(record.new, endedOf(record), now)
    const watchers = this.watchers.size === 0 ? undefined : this.watchers.get(record.id)
    if (watchers === undefined) return
    this.watchers.delete(record.id)
    const ended = endedOf(record)
    for (const { name, ref } of watchers) this.#notify(name, { _tag: "Ended", ref, ended })
  }

  askToStop(record: JobRecord): void {
    const { cancelRequested: reason, token, worker } = record
    if (worker === undefined || reason === undefined) return
    this.#notify(worker, { _tag: "CancelRequested", queue: this.name, jobId: record.new.id, token, reason })
  }

  nextScheduleVersion(): number {
    return ++this.#scheduleVersion
  }

  nextSequence(): number {
    return ++this.#sequence
  }

  /** Never below the clock, as on servers that can lose their last second; here it only makes both answer alike. */
  nextToken(now: EpochMillis): Token {
    this.#token = Math.max(this.#token, now * tokensPerMilli) + 1
    return this.#token
  }

  /** Whether the clock has passed the last token, so that tokens could begin with it anew. */
  hasPassed(now: EpochMillis): boolean {
    return this.#token < now * tokensPerMilli
  }

  add(record: JobRecord): void {
    this.isKnown = true
    this.jobs.set(record.id, record)
    this.indexes[record.state].add(record)
  }

  /** Puts a job into a state, at a score of that state's index. */
  move(record: JobRecord, state: JobState, score: number): void {
    this.indexes[record.state].delete(record)
    record.state = state
    record.score = score
    this.indexes[state].add(record)
  }

  /** Forgets a job that ends now and of which nothing is kept. */
  drop(record: JobRecord, state: JobState): void {
    this.remove(record)
    record.state = state
  }

  remove(record: JobRecord): void {
    this.indexes[record.state].delete(record)
    this.jobs.delete(record.id)
    this.counters.removed++
  }

  /** Who holds a key now. */
  ownerOf(key: string | undefined, now: EpochMillis): JobId | undefined {
    const owner = key === undefined ? undefined : this.uniqueOwners.get(key)
    if (owner?.until === undefined || owner.until > now) return owner?.id
    this.uniqueOwners.delete(key!)
    return undefined
  }

  holdKey({ uniqueKey, uniqueWindowMillis }: NewJob, id: JobId, now: EpochMillis): void {
    if (uniqueKey === undefined) return
    this.uniqueOwners.set(
      uniqueKey,
      uniqueWindowMillis === undefined ? { id } : { id, until: now + uniqueWindowMillis }
    )
  }

  freeKey(record: JobRecord): void {
    const key = record.new.uniqueKey
    if (key === undefined || record.new.uniqueWindowMillis !== undefined) return
    if (this.uniqueOwners.get(key)?.id === record.new.id) this.uniqueOwners.delete(key)
  }

  writeFailure(record: JobRecord, outcome: FailureOutcome, error: string, now: EpochMillis): void {
    record.failures = [
      ...record.failures,
      {
        attempt: record.attempt,
        startedAt: record.startedAt ?? now,
        endedAt: now,
        outcome,
        error: boundedText(error)
      }
    ].slice(-maxFailures)
  }

  read(record: JobRecord): Job {
    const { new: given, state } = record
    const optional = <K extends string, V>(key: K, value: V | undefined, when = true) =>
      when && value !== undefined ? ({ [key]: value } as Record<K, V>) : {}
    return {
      id: given.id,
      queue: this.name,
      kind: given.kind,
      state,
      priority: given.priority,
      attempt: record.attempt,
      maxAttempts: given.maxAttempts,
      rescues: record.rescues,
      snoozes: record.snoozes,
      payload: given.payload,
      headers: given.headers ?? {},
      tags: given.tags ?? [],
      enqueuedAt: record.enqueuedAt,
      dueAt: record.dueAt,
      ...optional("visibleAt", record.score, state === "scheduled" || state === "retry"),
      ...optional("startedAt", record.startedAt),
      ...optional("finishedAt", record.finishedAt),
      ...optional("leaseExpiresAt", record.score, state === "active"),
      ...optional("worker", record.worker, state === "active"),
      ...optional("token", record.token, state === "active"),
      ...optional("expiresAt", record.expiresAt),
      ...optional("cancelRequested", record.cancelRequested),
      ...optional("progress", record.progress),
      ...optional("result", record.result, state === "completed"),
      ...optional("failure", record.result, state === "dead"),
      ...optional("deadReason", record.deadReason),
      ...optional("uniqueKey", given.uniqueKey),
      ...optional("member", given.member),
      retainMillis: given.retainMillis,
      failures: record.failures
    }
  }
}
