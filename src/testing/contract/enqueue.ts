import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { NewJob } from "../../ports/JobStore.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { contract } from "./contract.ts"
import { assertConserved } from "./TestQueue.ts"
import { bury, complete, depths, ids, job, jobs, retry } from "./support.ts"

const enqueued = { _tag: "Enqueued" } as const
const existing = (identical: boolean) => ({ _tag: "Existing", identical }) as const

export const enqueueContract = contract("enqueue", (it) => {
  it.effect("ENQUEUE-1 an accepted job is stored as pending with everything given", (queue) =>
    Effect.gen(function* () {
      const enqueuedAt = yield* Clock.currentTimeMillis
      const rest = { maxAttempts: 7, retainMillis: 60_000, uniqueKey: "order 7", headers: { trace: "x-1" } }
      const given = { ...job("a", { priority: -3, ...rest }), tags: ["billing", "eu"] }

      const outcomes = yield* queue.enqueue(given)

      const unrun = { attempt: 0, rescues: 0, snoozes: 0, failures: [] }
      assert.deepStrictEqual(outcomes, [enqueued])
      assert.deepStrictEqual<unknown>(yield* queue.read("a"), {
        ...given,
        ...rest,
        ...unrun,
        queue: queue.name,
        state: "pending",
        enqueuedAt,
        dueAt: enqueuedAt
      })
    })
  )

  it.effect("ENQUEUE-1 a job with a delay or a future instant is stored as scheduled", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis

      yield* queue.enqueue(job("in", { visible: { inMillis: 500 } }), job("at", { visible: { at: now + 700 } }))

      const both = [yield* queue.read("in"), yield* queue.read("at")]
      assert.deepStrictEqual(
        both.map(({ state, visibleAt }) => ({ state, visibleAt })),
        [
          { state: "scheduled", visibleAt: now + 500 },
          { state: "scheduled", visibleAt: now + 700 }
        ]
      )
    })
  )

  it.effect("ENQUEUE-2 the largest batch is stored in one step, in the order given", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const batch = jobs(5000)

      const [outcomes, ...seen] = yield* Effect.all(
        [store.enqueue(queue.name, batch), ...Array.from({ length: 20 }, () => queue.depths)],
        { concurrency: "unbounded" }
      )

      assert.deepStrictEqual(outcomes, Array(5000).fill(enqueued))
      assert.includeMembers(
        [0, 5000],
        seen.map(({ pending }) => pending)
      )
      assert.deepStrictEqual(yield* queue.listFrom("pending", 1000), ids(batch))
      yield* assertConserved(queue.name)
    })
  )

  it.effect("ENQUEUE-2 jobs of concurrent calls do not mix", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const batches = Array.from({ length: 10 }, (_, call) => [1, 2, 3].map((n) => job(`call-${call}-${n}`)))

      yield* Effect.forEach(batches, (batch) => store.enqueue(queue.name, batch), { concurrency: "unbounded" })

      const order = yield* queue.listFrom("pending", 1000)
      const firsts = order.filter((id) => id.endsWith("-1"))
      assert.lengthOf(firsts, 10)
      assert.deepStrictEqual(
        order,
        firsts.flatMap((first) => [1, 2, 3].map((n) => first.replace(/1$/, String(n))))
      )
    })
  )

  it.effect("ENQUEUE-2 each of many concurrent calls stores its own job, and learns what became of it", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* queue.enqueue(job("call-77"))
      // neighbours that are alike, and others that are not
      const given = Array.from({ length: 300 }, (_, i) =>
        job(`call-${i}`, { priority: i % 10 === 0 ? 6 : 5, payload: `payload ${i}` })
      )

      const outcomes = yield* Effect.forEach(given, (one) => store.enqueue(queue.name, [one]), {
        concurrency: "unbounded"
      })

      const claimed = yield* queue.claim({ limit: 1000 })
      const payloads = new Map(claimed.map(({ id, payload, priority }) => [id, { payload, priority }]))
      const others = given.filter(({ id }) => id !== "call-77")
      assert.deepStrictEqual(
        outcomes.flat(),
        given.map(({ id }) => (id === "call-77" ? existing(false) : enqueued))
      )
      assert.lengthOf(claimed, 300)
      assert.deepStrictEqual(
        others.map(({ id }) => payloads.get(id)),
        others.map(({ payload, priority }) => ({ payload, priority }))
      )
      yield* assertConserved(queue.name)
    })
  )

  it.effect("ENQUEUE-2 a call without jobs stores nothing", (queue) =>
    Effect.gen(function* () {
      const outcomes = yield* queue.enqueue()

      assert.deepStrictEqual(outcomes, [])
      assert.deepStrictEqual(yield* queue.depths, depths({}))
    })
  )

  it.effect("ENQUEUE-3 a stored id is left out, and the stored job does not change", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { payload: "first" }))
      const before = yield* queue.read("a")

      const outcomes = yield* queue.enqueue(job("b"), job("a", { payload: "second", priority: -9 }), job("c"))

      assert.deepStrictEqual(outcomes, [enqueued, existing(false), enqueued])
      assert.deepStrictEqual(yield* queue.read("a"), before)
      assert.deepStrictEqual(yield* queue.listFrom("pending", 10), ["a", "b", "c"])
    })
  )

  it.effect("ENQUEUE-3 identical is true only when all that matters is the same", (queue) =>
    Effect.gen(function* () {
      const given = job("a", { retainMillis: 9, uniqueKey: "k", headers: { one: "1", two: "2" } })
      const { uniqueKey: _, ...unkeyed } = given
      const others: ReadonlyArray<NewJob> = [
        { ...given, kind: "other" },
        { ...given, payload: "other" },
        { ...given, payload: `${given.payload}\n` },
        { ...given, payload: `${given.payload}\0` },
        { ...given, priority: 6 },
        { ...given, maxAttempts: 4 },
        { ...given, retainMillis: 10 },
        { ...given, uniqueKey: "l" },
        unkeyed
      ]
      yield* queue.enqueue(given)

      const same = yield* queue.enqueue(given, { ...given, visible: { inMillis: 5 } })
      const different = yield* queue.enqueue(...others)

      assert.deepStrictEqual(same, [existing(true), existing(true)])
      assert.deepStrictEqual(different, Array(others.length).fill(existing(false)))
    })
  )

  it.effect("ENQUEUE-3 headers do not count, and stay as they were", (queue) =>
    Effect.gen(function* () {
      const headers = { trace: "1" }
      yield* queue.enqueue(job("a", { headers }), job("b"))

      const outcomes = yield* queue.enqueue(job("a"), job("a", { headers: { trace: "2" } }), job("b", { headers }))

      const kept = [yield* queue.read("a"), yield* queue.read("b")].map((job) => job.headers)
      assert.deepStrictEqual(outcomes, Array(3).fill(existing(true)))
      assert.deepStrictEqual(kept, [headers, {}])
    })
  )

  it.effect("ENQUEUE-3 an id is stored in whatever state its job is", (queue) =>
    Effect.gen(function* () {
      const batch = [job("dead"), job("done", { retainMillis: 60_000 }), job("again"), job("active")]
      yield* queue.enqueue(...batch)
      const [dead, done, again] = yield* queue.claim()
      yield* queue.settle(bury(dead!), complete(done!), retry(again!, 1000))

      const outcomes = yield* queue.enqueue(...batch)

      assert.deepStrictEqual(outcomes, Array(4).fill(existing(true)))
      assert.deepStrictEqual(yield* queue.depths, depths({ dead: 1, completed: 1, retry: 1, active: 1 }))
    })
  )

  it.effect("ENQUEUE-3 each of several concurrent calls gets its own answer", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const calls = [["new-1", "old"], ["old"], ["new-2"], ["new-3", "new-4", "old"]]
      yield* queue.enqueue(job("old"))

      const outcomes = yield* Effect.forEach(
        calls,
        (call) =>
          store.enqueue(
            queue.name,
            call.map((id) => job(id))
          ),
        { concurrency: "unbounded" }
      )

      assert.deepStrictEqual(
        outcomes,
        calls.map((call) => call.map((id) => (id === "old" ? existing(true) : enqueued)))
      )
    })
  )

  it.effect("ENQUEUE-4 of two jobs with one id in one call the first is stored", (queue) =>
    Effect.gen(function* () {
      const outcomes = yield* queue.enqueue(
        job("a", { payload: "1" }),
        job("a", { payload: "2" }),
        job("a", { payload: "1" })
      )

      assert.deepStrictEqual(outcomes, [enqueued, existing(false), existing(true)])
      assert.strictEqual((yield* queue.read("a")).payload, "1")
      assert.deepStrictEqual(yield* queue.depths, depths({ pending: 1 }))
    })
  )

  it.effect("ENQUEUE-6 an id is free once its job completed without retention", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a", { payload: "1" }))
      const first = yield* queue.claimOne()
      yield* queue.settle(complete(first))

      const outcomes = yield* queue.enqueue(job("a", { payload: "2" }))

      assert.deepStrictEqual(outcomes, [enqueued])
      assert.strictEqual((yield* queue.claimOne()).payload, "2")
    })
  )

  it.effect("ENQUEUE-6 failures of an earlier job that completed are forgotten", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      yield* queue.settle(retry(yield* queue.claimOne()))
      yield* queue.settle(complete(yield* queue.claimOne()))

      yield* queue.enqueue(job("a"))

      assert.deepStrictEqual((yield* queue.read("a")).failures, [])
    })
  )

  it.effect("ENQUEUE-6 a job with a used id knows nothing of the earlier one", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), job("b", { retainMillis: 1000 }))
      const [a, b] = yield* queue.claim()
      yield* queue.settle(retry(a!), retry(b!))
      const [again, done] = yield* queue.claim()
      yield* queue.settle(bury(again!), complete(done!, "result"))
      yield* queue.purge({ jobIds: ["a"] })
      yield* queue.prune({ maxFinished: 0 })
      const enqueuedAt = yield* Clock.currentTimeMillis

      const outcomes = yield* queue.enqueue(job("a"), job("b"))

      const fresh = {
        queue: queue.name,
        state: "pending",
        attempt: 0,
        rescues: 0,
        snoozes: 0,
        headers: {},
        tags: [],
        failures: [],
        enqueuedAt,
        dueAt: enqueuedAt
      }
      assert.deepStrictEqual(outcomes, [enqueued, enqueued])
      assert.deepStrictEqual<unknown>(yield* queue.read("a"), { ...job("a"), ...fresh })
      assert.deepStrictEqual<unknown>(yield* queue.read("b"), { ...job("b"), ...fresh })
    })
  )
})
