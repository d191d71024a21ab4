import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import * as Memory from "../../src/backends/memory/index.ts"
import type { JobId } from "../../src/domain/Job.ts"
import { JobStore, type NewJob, type Settlement } from "../../src/ports/JobStore.ts"
import { QueueControl } from "../../src/ports/QueueControl.ts"
import { ShuffleScheduler } from "./model/ShuffleScheduler.ts"

const queue = "q"
const plans = fc.record({
  seed: fc.nat(2 ** 32 - 1),
  claimers: fc.integer({ min: 2, max: 6 }),
  jobs: fc.integer({ min: 1, max: 30 }),
  limit: fc.integer({ min: 1, max: 5 }),
  /** How likely a claimer gives a job back instead of completing it. */
  releases: fc.constantFrom(0, 0.3)
})

type Plan = typeof plans extends fc.Arbitrary<infer A> ? A : never

const newJob = (id: JobId): NewJob => ({ id, kind: "k", payload: "", priority: 5, maxAttempts: 3, retainMillis: 1000 })

const runShuffled = <A, E>(seed: number, effect: (random: () => number) => Effect.Effect<A, E>) => {
  const scheduler = new ShuffleScheduler(seed)
  return Effect.runPromise(effect(scheduler.random), { scheduler })
}

/** Claimers that take jobs, hold them for some steps, and end them in the exchange that claims the next ones. */
const runClaimers = ({ claimers, jobs, limit, releases, seed }: Plan) =>
  runShuffled(seed, (random) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const ids = Array.from({ length: jobs }, (_, i) => `${i}`)
      const holders = new Map<JobId, string>()
      const tokens: Array<number> = []
      const completed: Array<JobId> = []

      const claimer = (worker: string) =>
        Effect.gen(function* () {
          let settlements: ReadonlyArray<Settlement> = []
          for (let number = 1; completed.length < jobs; number++) {
            // they let go before they say so: from then on another may hold the job
            for (const { jobId } of settlements) holders.delete(jobId)
            const reply = yield* store.exchange({
              queue,
              worker,
              settlements,
              claim: { number, limit, leaseMillis: 1000 }
            })
            assert.isTrue(reply.settled.every((outcome) => outcome === "settled"))
            for (const settlement of settlements) if (settlement._tag === "Complete") completed.push(settlement.jobId)
            for (const { id, token } of reply.claimed) {
              assert.isUndefined(holders.get(id), `job ${id} claimed by ${worker}`)
              holders.set(id, worker)
              tokens.push(token)
            }
            for (let pause = random() * 10; pause > 0; pause--) yield* Effect.yieldNow
            settlements = reply.claimed.map(({ id, token }) =>
              random() < releases
                ? { _tag: "Release", jobId: id, token, delayMillis: 0 }
                : { _tag: "Complete", jobId: id, token }
            )
          }
        })
      const enqueuing = Effect.forEach(ids, (id) => store.enqueue(queue, [newJob(id)]), { discard: true })
      const claiming = Array.from({ length: claimers }, (_, i) => claimer(`w${i}`))
      yield* Effect.all([enqueuing, ...claiming], { concurrency: "unbounded", discard: true })

      const control = yield* QueueControl
      return { completed, tokens, depths: yield* control.depths(queue), counters: yield* control.counters(queue) }
    }).pipe(Effect.provide([Memory.layer, TestClock.layer()]))
  )

describe("claimers in any interleaving", () => {
  it("never hold the same job, and complete every job once", () =>
    fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { completed, counters, depths, tokens } = await runClaimers(plan)

        assert.strictEqual(new Set(tokens).size, tokens.length)
        assert.deepStrictEqual([completed.length, new Set(completed).size], [plan.jobs, plan.jobs])
        assert.deepInclude(depths, { completed: plan.jobs, pending: 0, active: 0 })
        assert.deepInclude(counters, { claimed: tokens.length, completed: plan.jobs, stale: 0 })
        assert.strictEqual(counters.released, tokens.length - plan.jobs)
      }),
      { numRuns: 150 }
    ))

  it("share the jobs among more than one holder", async () => {
    const shares = await Promise.all(
      Array.from({ length: 20 }, (_, seed) => runClaimers({ seed, claimers: 4, jobs: 30, limit: 2, releases: 0.3 }))
    )

    assert.isAbove(new Set(shares.map(({ completed }) => completed.join())).size, 15)
  })

  it("would meet in a claim of two steps", async () => {
    const claimTwice = (seed: number) =>
      runShuffled(seed, () =>
        Effect.gen(function* () {
          const free = yield* Ref.make<ReadonlyArray<string>>(["a", "b"])
          const claim = Effect.gen(function* () {
            const [first, ...rest] = yield* Ref.get(free)
            yield* Ref.set(free, rest)
            return Option.fromNullishOr(first)
          })
          const [one, other] = yield* Effect.all([claim, claim], { concurrency: "unbounded" })
          return Option.getOrThrow(one) === Option.getOrThrow(other)
        })
      )

    const found = await fc.check(fc.asyncProperty(fc.nat(), async (seed) => !(await claimTwice(seed))))

    assert.isTrue(found.failed)
    assert.isTrue(await claimTwice(found.counterexample![0]))
  })
})
