import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import * as Memory from "../../src/backends/memory/index.ts"
import * as Redis from "../../src/backends/redis/index.ts"
import { JobStore, type NewJob } from "../../src/ports/JobStore.ts"
import { QueueControl } from "../../src/ports/QueueControl.ts"
import { redisUrl } from "../support/redis-url.ts"
import { makeRuntime, Real, type Runtime } from "./model/Real.ts"
import { compare } from "./rate-limits/commands.ts"
import { plan } from "./rate-limits/plans.ts"
import { RateModel } from "./rate-limits/RateModel.ts"

/** WINTERQ_MODEL_RUNS=300 for a thorough run. */
const runs = Number(process.env["WINTERQ_MODEL_RUNS"] ?? 100)

const maxCommands = 100

/** What must have happened for the agreement to mean something. */
const sometimes = [
  ...["limit set", "limit changed", "limit lifted", "limit set while many wait", "drained"],
  ...["limited started", "free started", "limited held back", "free passes limited", "expired", "woken by a token"],
  ...["claim again", "retried", "released", "completed", "rescued"]
]

const newJob = (id: string, kind: string, expiry?: number): NewJob => ({
  ...{ id, kind, priority: 5, payload: "", maxAttempts: 1, retainMillis: 0 },
  ...(expiry === undefined ? {} : { expires: { inMillis: expiry } })
})

const names = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name}-${i}`)

const newJobs = (count: number, name: string, kind: string, expiry?: number) =>
  names(count, name).map((id) => newJob(id, kind, expiry))

const limitHourly = (queue: string, burst: number) =>
  QueueControl.use((control) => control.setRateLimit(queue, "limited", { limit: 1, perMillis: 3_600_000, burst }))

/** Claims as often as it is worth it, at one instant; answers what has started. */
const claimAll = Effect.fnUntraced(function* (queue: string, limit: number) {
  const store = yield* JobStore
  const started: Array<string> = []
  for (let number = 1, more = true; more && number < 5000; number++) {
    const claim = { number, limit, leaseMillis: 60_000 }
    const reply = yield* store.exchange({ queue, worker: "w", settlements: [], claim })
    started.push(...reply.claimed.map(({ id }) => id))
    more = reply.more
  }
  return started
})

const startBehindExpired = (queue: string, expired: number, others: number, burst: number, limit: number) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    yield* limitHourly(queue, burst)
    yield* store.enqueue(queue, [...newJobs(expired, "late", "limited", 1), ...newJobs(others, "other", "limited")])
    yield* TestClock.adjust(1)
    return yield* claimAll(queue, limit)
  })

/** The limit comes when all of them wait. */
const limitMany = (queue: string, count: number, free: number, burst: number, limit: number) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    yield* store.enqueue(queue, [...newJobs(count, "many", "limited"), ...newJobs(free, "free", "free")])
    yield* limitHourly(queue, burst)
    return yield* claimAll(queue, limit)
  })

describe("a store with rate limits", () => {
  let redis: Runtime | undefined
  afterAll(() => redis?.dispose())

  it("keeps them, starves nobody, and is the same on memory and Redis", { timeout: 60_000 + runs * 2000 }, async () => {
    redis = makeRuntime(Redis.layerVirtualTime({ url: redisUrl(), prefix: `rates-${crypto.randomUUID()}` }))
    const shared = redis
    const tallies = new Map<string, number>()
    let queues = 0

    await fc.assert(
      fc.asyncProperty(fc.commands([plan], { maxCommands, size: "max" }), async (commands) => {
        const memory = makeRuntime(Memory.layer)
        const queue = `rates-${++queues}`
        const one = new Real(memory, queue, tallies)
        const other = new Real(shared, queue, new Map())
        try {
          await one.advance((await other.now()) - (await one.now()))
          const model = new RateModel(queue, await one.now())
          await fc.asyncModelRun(() => ({ model, real: { one, other } }), commands)
          await compare(model, { one, other })
        } catch (error) {
          throw new Error(`${one.log.join("\n")}\n${error instanceof Error ? error.message : error}`, { cause: error })
        } finally {
          await memory.dispose()
        }
      }),
      { numRuns: runs }
    )

    const counts = [...tallies].toSorted().map(([kind, count]) => `${kind}: ${count}`)
    console.log(`memory and redis kept rate limits in ${runs} runs\n  ${counts.join("; ")}`)
    if (runs >= 100)
      assert.deepStrictEqual(
        sometimes.filter((kind) => !tallies.has(kind)),
        []
      )
  })

  const backends = {
    memory: () => Memory.layer,
    redis: () => Redis.layerVirtualTime({ url: redisUrl(), prefix: `rates-${crypto.randomUUID()}` })
  }
  const few = fc.integer({ min: 1, max: 5 })

  for (const [backend, layer] of Object.entries(backends)) {
    it(`${backend} starts no fewer jobs when some are expired`, async () => {
      const runtime = makeRuntime(layer())
      let queues = 0

      const property = fc.asyncProperty(few, few, few, few, async (expired, others, burst, limit) => {
        const effect = startBehindExpired(`expired-${++queues}`, expired, others, burst, limit)
        assert.deepStrictEqual(await runtime.runPromise(effect), names(Math.min(others, burst), "other"))
      })
      await fc.assert(property, { numRuns: 50 }).finally(() => runtime.dispose())
    })

    it(`${backend} keeps a limit that is set while thousands wait`, async () => {
      const runtime = makeRuntime(layer())
      let queues = 0

      const many = fc.integer({ min: 1, max: 2500 })
      const property = fc.asyncProperty(many, few, few, few, async (count, free, burst, limit) => {
        const started = await runtime.runPromise(limitMany(`many-${++queues}`, count, free, burst, limit))
        const limited = started.filter((id) => id.startsWith("many"))
        assert.deepStrictEqual(limited, names(Math.min(count, burst), "many"))
        assert.sameMembers(started, [...limited, ...names(free, "free")])
      })
      await fc.assert(property, { numRuns: 20 }).finally(() => runtime.dispose())
    })
  }
})
