import { assert } from "@effect/vitest"
import type { EpochMillis, JobId, Token } from "../../../src/domain/Job.ts"
import type { ExchangeReply, ExchangeRequest, Held, NewJob, Settlement } from "../../../src/ports/JobStore.ts"
import type { RateLimit } from "../../../src/ports/QueueControl.ts"
import { Bucket } from "./Bucket.ts"

export interface Entry {
  readonly given: NewJob
  readonly expiresAt: EpochMillis
  readonly place: number
  state: "pending" | "later" | "active"
  /** When it is due, or its lease ends. */
  at: EpochMillis
  token: Token
}

const inOrder = (a: Entry, b: Entry) => a.given.priority - b.given.priority || a.place - b.place

const soonest = (a: Entry, b: Entry) => a.at - b.at

const idsOf = (entries: ReadonlyArray<Entry>) => entries.map(({ given }) => given.id)

/** What RATE-1 to RATE-5 let be seen of one queue whose jobs never die. */
export class RateModel {
  readonly jobs = new Map<JobId, Entry>()
  readonly buckets = new Map<string, Bucket>()
  readonly claims = new Map<string, { readonly request: ExchangeRequest; readonly held: ReadonlyArray<Held> }>()
  readonly queue: string
  now: EpochMillis
  #places = 0

  constructor(queue: string, now: EpochMillis) {
    this.queue = queue
    this.now = now
  }

  in(state: Entry["state"]): ReadonlyArray<Entry> {
    return [...this.jobs.values()].filter((entry) => entry.state === state)
  }

  waiting(): ReadonlyArray<Entry> {
    return this.in("pending").toSorted(inOrder)
  }

  tokens(kind: string): number {
    return this.buckets.get(kind)?.tokens(this.now) ?? Infinity
  }

  enqueue(jobs: ReadonlyArray<NewJob>): void {
    for (const given of jobs) {
      const { expires, visible } = given
      const at = visible !== undefined && "inMillis" in visible ? this.now + visible.inMillis : this.now
      const expiresAt = expires !== undefined && "inMillis" in expires ? this.now + expires.inMillis : Infinity
      const state = at > this.now ? "later" : "pending"
      this.jobs.set(given.id, { given, expiresAt, place: ++this.#places, state, at, token: 0 })
    }
  }

  setRate(kind: string, rate: RateLimit | undefined): void {
    const old = this.buckets.get(kind)
    if (rate === undefined) this.buckets.delete(kind)
    else this.buckets.set(kind, new Bucket(rate, old?.tokens(this.now) ?? rate.burst, this.now))
  }

  /** Answers how many of the claim were expired, and how long it is until something else than tokens changes. */
  exchange(request: ExchangeRequest, reply: ExchangeReply) {
    for (const settlement of request.settlements) this.#settle(settlement)
    assert.isTrue(reply.settled.every((outcome) => outcome === "settled"))
    this.#tidy(reply.rescued)
    const leases = this.in("active").map(({ at }) => at)
    const { expired, started } = this.#claim(request)
    assert.deepStrictEqual(
      reply.claimed.map(({ id }) => id),
      idsOf(started)
    )
    started.forEach((entry, i) => (entry.token = reply.claimed[i]!.token))
    this.claims.set(request.worker, { request, held: reply.claimed.map(({ id, token }) => ({ jobId: id, token })) })
    for (const bucket of this.buckets.values()) bucket.assertKept(this.now)
    const otherwise = Math.min(...leases, ...this.in("later").map(({ at }) => at)) - this.now
    this.#lookAhead(reply, otherwise)
    return { expired: expired.length, otherwise }
  }

  #settle({ _tag, jobId, ...rest }: Settlement) {
    const entry = this.jobs.get(jobId)!
    if (_tag === "Complete") this.jobs.delete(jobId)
    else if (_tag === "Retry" && "delayMillis" in rest) {
      entry.state = "later"
      entry.at = this.now + rest.delayMillis
    } else entry.state = "pending"
  }

  #tidy(rescued: ReadonlyArray<JobId>) {
    const over = this.in("active").filter(({ at }) => at <= this.now)
    const back = rescued.map((id) => this.jobs.get(id)!)
    assert.deepStrictEqual(
      back.map(({ at }) => at),
      over
        .toSorted(soonest)
        .slice(0, 100)
        .map(({ at }) => at)
    )
    const due = this.in("later").filter(({ at }) => at <= this.now)
    for (const entry of [...back, ...due]) entry.state = "pending"
  }

  /** Again and again the first job, in order, whose kind has a token or needs none. */
  #claim({ claim }: ExchangeRequest) {
    const [started, expired]: [Array<Entry>, Array<Entry>] = [[], []]
    for (const entry of this.waiting()) {
      if (started.length + expired.length >= claim!.limit) break
      if (this.tokens(entry.given.kind) < 1) continue
      if (entry.expiresAt <= this.now) {
        expired.push(entry)
        this.jobs.delete(entry.given.id)
        continue
      }
      started.push(entry)
      this.buckets.get(entry.given.kind)?.spend(this.now)
      entry.state = "active"
      entry.at = this.now + claim!.leaseMillis
    }
    return { started, expired }
  }

  #lookAhead(reply: ExchangeReply, otherwise: number) {
    const kinds = new Set(this.in("pending").map(({ given }) => given.kind))
    const ready = [...kinds].filter((kind) => this.tokens(kind) >= 1)
    assert.strictEqual(reply.more, ready.length > 0, "more")
    if (reply.more) return
    const dry = [...kinds].filter((kind) => !ready.includes(kind))
    const refills = dry.map((kind) => this.buckets.get(kind)!.worthwhileAt(this.now) - this.now)
    const next = Math.max(0, Math.min(otherwise, ...refills))
    assert.strictEqual(reply.nextInMillis, next === Infinity ? undefined : next, "nextInMillis")
  }
}
