import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type fc from "fast-check"
import type { JobId } from "../../../src/domain/Job.ts"
import {
  type ExchangeReply,
  type ExchangeRequest,
  JobStore,
  type NewJob,
  type Settlement
} from "../../../src/ports/JobStore.ts"
import { QueueControl, type RateLimit } from "../../../src/ports/QueueControl.ts"
import type { Ports, Real } from "../model/Real.ts"
import type { RateModel } from "./RateModel.ts"

/** The same queue on two backends, which must answer the same. */
export interface Both {
  readonly one: Real
  readonly other: Real
}

export type Command = fc.AsyncCommand<RateModel, Both>

const command = (
  name: string,
  run: (model: RateModel, both: Both) => Promise<void>,
  check: (model: Readonly<RateModel>) => boolean = () => true
): Command => ({
  check,
  run: (model, both) => {
    both.one.tally("commands")
    return run(model, both)
  },
  toString: () => name
})

export const inTurn = (...all: ReadonlyArray<Command>): Command => ({
  check: (model) => all[0]!.check(model),
  run: async (model, both) => {
    for (const one of all) if (one.check(model)) await one.run(model, both)
  },
  toString: () => all.map((one) => one.toString()).join(", then ")
})

const show = (value: unknown) => JSON.stringify(value).replaceAll(/"(\w+)"/g, "$1")

const ask = async <A, E>({ one, other }: Both, effect: Effect.Effect<A, E, Ports>, ...question: Array<unknown>) => {
  const [answer, another] = await Promise.all([one.ask(effect, ...question), other.ask(effect, ...question)])
  assert.deepStrictEqual(another, answer, "the second backend answers as the first")
  return answer
}

export interface JobPlan {
  readonly kind: string
  readonly priority: number
  readonly delay: number
  readonly expiry?: number
}

let ids = 0

const toJob = ({ delay, expiry, kind, priority }: JobPlan): NewJob => ({
  ...{ id: `${kind}${++ids}`, kind, priority, payload: "", maxAttempts: 1_000_000, retainMillis: 0 },
  ...(delay > 0 ? { visible: { inMillis: delay } } : {}),
  ...(expiry === undefined ? {} : { expires: { inMillis: expiry } })
})

const sendEnqueue = async (model: RateModel, both: Both, jobs: ReadonlyArray<NewJob>) => {
  await ask(
    both,
    JobStore.use((store) =>
      Effect.map(store.enqueue(model.queue, jobs), (all) => new Set(all.map(({ _tag }) => _tag)))
    ),
    "enqueue",
    jobs.length > 20 ? `${jobs.length} of ${jobs[0]!.kind}` : jobs
  )
  model.enqueue(jobs)
}

export const enqueue = (plans: ReadonlyArray<JobPlan>) =>
  command(`enqueue ${show(plans)}`, (model, both) => sendEnqueue(model, both, plans.map(toJob)))

export const enqueueMany = (kind: string, count: number) =>
  command(`enqueue ${count} of ${kind}`, (model, both) =>
    sendEnqueue(
      model,
      both,
      Array.from({ length: count }, () => toJob({ kind, priority: 5, delay: 0 }))
    )
  )

export const setRate = (kind: string, rate: RateLimit | undefined) =>
  command(`limit ${kind} to ${rate === undefined ? "nothing" : show(rate)}`, async (model, both) => {
    const setting = QueueControl.use((control) => control.setRateLimit(model.queue, kind, rate))
    await ask(both, setting, "limit", kind, rate)
    const had = model.buckets.has(kind)
    model.setRate(kind, rate)
    const limits = await ask(
      both,
      QueueControl.use((control) => control.rateLimits(model.queue)),
      "limits"
    )
    assert.deepStrictEqual(limits, Object.fromEntries([...model.buckets].map(([key, bucket]) => [key, bucket.rate])))
    both.one.tally(
      rate === undefined ? (had ? "limit lifted" : "no limit lifted") : had ? "limit changed" : "limit set"
    )
    const waiting = model.in("pending").filter(({ given }) => given.kind === kind).length
    if (rate !== undefined && !had && waiting > 100) both.one.tally("limit set while many wait")
  })

export interface Claim {
  readonly worker: string
  readonly limit: number
  readonly leaseMillis: number
  /** The n-th active job ends so. */
  readonly settlements: ReadonlyArray<{ readonly n: number; readonly as: "Complete" | "Retry" | "Release" }>
}

const settle = (model: RateModel, settlements: Claim["settlements"]): ReadonlyArray<Settlement> => {
  const active = model.in("active")
  const chosen = new Map<JobId, Settlement>()
  for (const { as, n } of active.length === 0 ? [] : settlements) {
    const { given, token } = active[n % active.length]!
    const held = { jobId: given.id, token }
    chosen.set(
      given.id,
      as === "Complete"
        ? { _tag: as, ...held }
        : as === "Retry"
          ? { _tag: as, ...held, delayMillis: 250, error: "" }
          : { _tag: as, ...held, delayMillis: 0 }
    )
  }
  return [...chosen.values()]
}

const sendClaim = async (model: RateModel, both: Both, plan: Claim) => {
  const number = (model.claims.get(plan.worker)?.request.claim?.number ?? 0) + 1
  const request: ExchangeRequest = {
    ...{ queue: model.queue, worker: plan.worker, settlements: settle(model, plan.settlements) },
    claim: { number, limit: plan.limit, leaseMillis: plan.leaseMillis }
  }
  // who is told that there is more does not wait
  const exchange = JobStore.use((store) =>
    Effect.map(store.exchange(request), ({ nextInMillis, ...reply }): ExchangeReply =>
      reply.more || nextInMillis === undefined ? reply : { ...reply, nextInMillis }
    )
  )
  const reply = await ask(both, exchange, "exchange", request)
  const result = model.exchange(request, reply)
  const { one } = both
  for (const { _tag } of request.settlements)
    one.tally({ Complete: "completed", Retry: "retried", Release: "released" }[_tag as "Complete"])
  const limited = reply.claimed.filter(({ kind }) => model.buckets.has(kind))
  one.tally("limited started", limited.length)
  one.tally("free started", reply.claimed.length - limited.length)
  one.tally("expired", result.expired)
  one.tally("rescued", reply.rescued.length)
  const heldBack = model.in("pending").some(({ given }) => model.tokens(given.kind) < 1)
  if (heldBack) one.tally("limited held back")
  if (heldBack && reply.claimed.length > limited.length) one.tally("free passes limited")
  if (reply.claimed.length > 0 && model.jobs.size === reply.claimed.length) one.tally("drained")
  return { ...result, reply }
}

export const claim = (plan: Claim) =>
  command(`claim ${show(plan)}`, async (model, both) => void (await sendClaim(model, both, plan)))

/** Claims as a worker does: when it finds nothing it asks again once it is told to, and then it finds something. */
export const claimInTime = (plan: Claim) =>
  command(`claim in time ${show(plan)}`, async (model, both) => {
    const first = await sendClaim(model, both, plan)
    const { more, nextInMillis } = first.reply
    if (more || nextInMillis === undefined || nextInMillis > 10_000_000) return
    await advanceBy(model, both, nextInMillis)
    const then = await sendClaim(model, both, { ...plan, settlements: [] })
    if (nextInMillis >= first.otherwise) return
    assert.isAtLeast(then.reply.claimed.length + then.expired, 1, "a claim finds a job when it is told to ask again")
    both.one.tally("woken by a token")
  })

/** A reply was lost: the same jobs, and no token more. */
export const claimAgain = (worker: string) =>
  command(
    `claim again of ${worker}`,
    async (model, both) => {
      const { held, request } = model.claims.get(worker)!
      const again = JobStore.use((store) => store.exchange({ ...request, settlements: [] }))
      const [one, other] = await Promise.all([both.one.ask(again, "again", request), both.other.ask(again, "again")])
      const still = held.filter(({ jobId, token }) => {
        const entry = model.jobs.get(jobId)
        return entry?.state === "active" && entry.token === token
      })
      for (const { claimed } of [one, other])
        assert.deepStrictEqual(
          claimed.map(({ id, token }) => ({ jobId: id, token })),
          still
        )
      both.one.tally("claim again")
    },
    (model) =>
      model.claims.has(worker) &&
      [...model.jobs.values()].every(({ at, state }) => state === "pending" || at > model.now)
  )

const advanceBy = async (model: RateModel, { one, other }: Both, millis: number) => {
  await Promise.all([one.advance(millis), other.advance(millis)])
  model.now += millis
  one.log.push(`time is ${model.now}`)
}

export const advance = (millis: number) => command(`advance ${millis}`, (model, both) => advanceBy(model, both, millis))

/** What waits stands in order on both, a limited job among the others. */
export const compare = async (model: RateModel, both: Both) => {
  const request = { queue: model.queue, state: "pending", limit: 1000 } as const
  const page = await ask(
    both,
    QueueControl.use((control) => control.list(request)),
    "list"
  )
  const depths = await ask(
    both,
    QueueControl.use((control) => control.depths(model.queue)),
    "depths"
  )
  const waiting = model.waiting()
  assert.deepStrictEqual(
    page.jobs.map(({ id }) => id),
    waiting.slice(0, 1000).map(({ given }) => given.id)
  )
  assert.deepInclude(depths, { pending: waiting.length, active: model.in("active").length })
}
