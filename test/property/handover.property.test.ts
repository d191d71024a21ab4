import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { Redis as IORedis } from "ioredis"
import * as Redis from "../../src/backends/redis/index.ts"
import { queueKeys } from "../../src/backends/redis/keys.ts"
import { type ExchangeReply, type ExchangeRequest, JobStore, type NewJob } from "../../src/ports/JobStore.ts"
import { QueueControl } from "../../src/ports/QueueControl.ts"
import { Wakeups } from "../../src/ports/Wakeups.ts"
import { redisUrl } from "../support/redis-url.ts"

const runs = 400

const worker = "w%d"

/** What is drawn is done to both queues. */
const newJob = fc.record({
  id: fc.integer({ min: 0, max: 11 }).map((n) => `job-${n}`),
  kind: fc.constantFrom("free", "free", "limited"),
  priority: fc.constantFrom(5, 5, 5, 4),
  retainMillis: fc.constantFrom(0, 0, 60_000),
  headers: fc.constantFrom(undefined, undefined, { trace: "a%1\n" }),
  tags: fc.constantFrom(undefined, undefined, ["é"]),
  uniqueKey: fc.constantFrom(undefined, undefined, undefined, undefined, "key"),
  delay: fc.constantFrom(undefined, undefined, undefined, 500, 1500)
})

type Drawn = typeof newJob extends fc.Arbitrary<infer A> ? A : never

const jobOf = ({ delay, headers, id, kind, priority, retainMillis, tags, uniqueKey }: Drawn): NewJob => ({
  ...{ id, kind, priority, retainMillis, payload: `{"of":"${id}","é":"\ud83d"}`, maxAttempts: 3 },
  ...(headers === undefined ? {} : { headers }),
  ...(tags === undefined ? {} : { tags }),
  ...(uniqueKey === undefined ? {} : { uniqueKey }),
  ...(delay === undefined ? {} : { visible: { inMillis: delay } })
})

const number = fc.integer({ min: 1, max: 3 })

const before = fc.oneof(
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Enqueue" as const), job: newJob }) },
  {
    weight: 4,
    arbitrary: fc.record({
      _tag: fc.constant("Claim" as const),
      worker: fc.constantFrom(worker, worker, "other"),
      number,
      limit: fc.integer({ min: 0, max: 3 }),
      leaseMillis: fc.constantFrom(1000, 60_000),
      /** Whether what it brings is completed, or to be retried. */
      settles: fc.constantFrom("completed", "completed", "retried", undefined)
    })
  },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Wait" as const), millis: fc.constantFrom(400, 1100) }) },
  fc.record({ _tag: fc.constant("Pause" as const) }),
  fc.record({ _tag: fc.constant("MaxActive" as const) }),
  fc.record({ _tag: fc.constant("Rate" as const) })
)

type Before = typeof before extends fc.Arbitrary<infer A> ? A : never

const bare: Omit<Drawn, "id"> = {
  ...{ kind: "free", priority: 5, retainMillis: 0 },
  ...{ headers: undefined, tags: undefined, uniqueKey: undefined, delay: undefined }
}

const plain = (job: Drawn): Drawn => ({ ...job, uniqueKey: undefined, delay: undefined })

/** Mostly jobs that are alike, on a queue where little has happened: those are handed over. */
const plans = fc.record({
  before: fc.oneof(fc.array(before, { maxLength: 2 }), fc.array(before, { maxLength: 8 })),
  knows: fc.constantFrom(true, true, true, false),
  /** What is to be done before anything is claimed, or looked at. */
  ripe: fc.constantFrom(
    ...Array.from({ length: 5 }, () => undefined),
    "delayed",
    "expired",
    "active",
    "put off",
    "due again"
  ),
  first: fc.oneof({ weight: 3, arbitrary: newJob.map(plain) }, newJob),
  others: fc.array(fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, newJob), { maxLength: 3 }),
  number: fc.integer({ min: 2, max: 5 }),
  limit: fc.integer({ min: 1, max: 5 })
})

type Plan = typeof plans extends fc.Arbitrary<infer A> ? A : never

const failedOnce: ReadonlyArray<Before> = [
  { _tag: "Enqueue", job: { ...bare, id: "ripe" } },
  { _tag: "Claim", worker: "other", number: 9, limit: 9, leaseMillis: 1000, settles: "retried" }
]

const ripening: Readonly<Record<NonNullable<Plan["ripe"]>, ReadonlyArray<Before>>> = {
  delayed: [
    { _tag: "Enqueue", job: { ...bare, id: "ripe", delay: 500 } },
    { _tag: "Wait", millis: 1100 }
  ],
  expired: [
    { _tag: "Enqueue", job: { ...bare, id: "ripe" } },
    { _tag: "Claim", worker: "other", number: 9, limit: 9, leaseMillis: 1000, settles: undefined },
    { _tag: "Wait", millis: 1100 }
  ],
  active: [
    { _tag: "Enqueue", job: { ...bare, id: "ripe" } },
    { _tag: "Claim", worker: "other", number: 9, limit: 9, leaseMillis: 60_000, settles: undefined }
  ],
  "put off": failedOnce,
  "due again": [...failedOnce, { _tag: "Wait", millis: 1100 }]
}

const jobsOf = ({ first, others }: Plan): ReadonlyArray<NewJob> => [
  jobOf(first),
  ...others.map((other, i) => jobOf(other ?? { ...first, id: `like-${i}`, uniqueKey: undefined }))
]

const prepare = (queue: string, steps: ReadonlyArray<Before>) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const control = yield* QueueControl
    for (const step of steps) {
      if (step._tag === "Enqueue") yield* store.enqueue(queue, [jobOf(step.job)])
      else if (step._tag === "Pause") yield* control.pause(queue)
      else if (step._tag === "MaxActive") yield* control.setLimits(queue, { maxActive: 2 })
      else if (step._tag === "Rate") {
        yield* control.setRateLimit(queue, "limited", { limit: 1, perMillis: 1000, burst: 2 })
      } else if (step._tag === "Claim") {
        const { leaseMillis, limit, number, settles, worker } = step
        const claim = { number, limit, leaseMillis }
        const { claimed } = yield* store.exchange({ queue, worker, settlements: [], claim })
        const ended = claimed.map(({ id: jobId, token }) =>
          settles === "completed"
            ? ({ _tag: "Complete", jobId, token } as const)
            : ({ _tag: "Retry", jobId, token, delayMillis: 500, error: "again" } as const)
        )
        if (settles !== undefined) yield* store.exchange({ queue, worker, settlements: ended })
      }
    }
  })

const told = ({ claimed, more, nextInMillis, paused }: ExchangeReply) => ({ claimed, more, nextInMillis, paused })

describe("jobs handed over as they are stored", () => {
  const prefix = `handover-${crypto.randomUUID().slice(0, 8)}`
  const runtime = ManagedRuntime.make(
    Layer.provideMerge(Redis.layerVirtualTime({ url: redisUrl(), prefix }), TestClock.layer())
  )
  const client = new IORedis(redisUrl())
  afterAll(() => Promise.all([runtime.dispose(), client.quit()]))

  /** All that Redis holds of a queue, but for who asked, and the marker. */
  const held = async (queue: string) => {
    const found: Record<string, unknown> = {}
    for (const name of queueKeys) {
      const key = `{${prefix}:${queue}}:${name}`
      const type = await client.type(key)
      if (["wake", "requests", "producers"].includes(name) || type === "none") continue
      found[name] = type === "hash" ? await client.hgetall(key) : await client.zrange(key, 0, "-1", "WITHSCORES")
    }
    return found
  }

  it("WAKE-7 are as if they had been stored and then claimed", { timeout: 120_000 }, async () => {
    let queues = 0
    let handedOver = 0
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const name = `q${++queues}`
        const [together, apart] = [`${name}-together`, `${name}-apart`]
        const claim = { number: plan.number, limit: plan.limit, leaseMillis: 30_000 }
        const requestOf = (queue: string): ExchangeRequest => ({ queue, worker, settlements: [], claim })
        const steps: ReadonlyArray<Before> = [
          ...(plan.knows
            ? [{ _tag: "Claim", worker, number: 1, limit: 0, leaseMillis: 1000, settles: undefined } as const]
            : []),
          ...plan.before,
          ...(plan.ripe === undefined ? [] : ripening[plan.ripe])
        ]
        const both = Effect.gen(function* () {
          const store = yield* JobStore
          const wakeups = yield* Wakeups
          for (const step of steps) {
            if (step._tag === "Wait") yield* TestClock.adjust(step.millis)
            else for (const queue of [together, apart]) yield* prepare(queue, [step])
          }
          const taken: Array<ExchangeReply> = []
          yield* wakeups.subscribe([together], {
            claim: () => undefined,
            claimNow: () => requestOf(together),
            take: (_, reply) => taken.push(reply) > 0,
            lose: () => undefined,
            forgo: () => undefined
          })

          const outcomes = [
            yield* store.enqueue(together, jobsOf(plan)),
            yield* store.enqueue(apart, jobsOf(plan))
          ] as const
          const asked = yield* store.exchange(requestOf(together))
          const expected = yield* store.exchange(requestOf(apart))
          const states = [
            yield* Effect.promise(() => held(together)),
            yield* Effect.promise(() => held(apart))
          ] as const

          const settlements = expected.claimed.map(
            ({ id: jobId, token }) => ({ _tag: "Complete", jobId, token }) as const
          )
          const [a, b] = [
            yield* store.exchange({ ...requestOf(together), settlements, claim: undefined }),
            yield* store.exchange({ ...requestOf(apart), settlements, claim: undefined })
          ]
          const after = [yield* Effect.promise(() => held(together)), yield* Effect.promise(() => held(apart))] as const
          return { outcomes, taken, asked, expected, states, settled: [a.settled, b.settled], after }
        }).pipe(Effect.scoped)

        const { after, asked, expected, outcomes, settled, states, taken } = await runtime.runPromise(both)
        assert.deepStrictEqual(outcomes[0], outcomes[1])
        const [brought] = taken
        assert.deepStrictEqual(told(brought ?? asked), told(expected))
        if (brought !== undefined) {
          handedOver++
          assert.deepStrictEqual(asked.claimed, expected.claimed)
        }
        assert.deepStrictEqual(states[0], states[1])
        assert.deepStrictEqual(settled[0], settled[1])
        assert.deepStrictEqual(after[0], after[1])
      }),
      { numRuns: runs }
    )
    console.log(`${handedOver} of ${queues} times jobs were handed over`)
    assert.isAbove(handedOver, runs / 20)
  })
})
