import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Task from "../../domain/Task.ts"
import { Client, type EnqueueOptions } from "../../features/client/Client.ts"
import type { EnqueueOutcome, NewJob } from "../../ports/JobStore.ts"
import { contract } from "./contract.ts"
import { bury, complete, ids, job, retry, snooze } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

const keyed = (id: string, options: Partial<NewJob> = {}) => job(id, { uniqueKey: "k", retainMillis: 1000, ...options })

const enqueued: ReadonlyArray<EnqueueOutcome> = [{ _tag: "Enqueued" }]
const duplicateOf = (id: string): ReadonlyArray<EnqueueOutcome> => [{ _tag: "Duplicate", of: id }]
const replaced = (id: string): ReadonlyArray<EnqueueOutcome> => [{ _tag: "Replaced", of: id }]

class Index extends Task.make("contract.index", { payload: { page: Schema.Int } }) {}

const enqueue = (queue: TestQueue, page: number, options: EnqueueOptions<typeof Index>) =>
  Effect.provide(Client.enqueue(Index, { page }, { queue: queue.name, ...options }), Client.layer)

export const uniqueModesContract = contract("unique modes", (it) => {
  it.effect("UNIQUE-6 a key held until the start is free once an attempt is claimed", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(keyed("a", { uniqueUntil: "started" }))
      const waiting = yield* queue.enqueue(keyed("b", { uniqueUntil: "started" }))
      const held = yield* queue.claimOne()

      const started = yield* queue.enqueue(keyed("c", { uniqueUntil: "started" }))
      yield* queue.settle(retry(held))
      const retrying = yield* queue.enqueue(keyed("d", { uniqueUntil: "started" }))
      const claimed = yield* queue.claim()
      yield* queue.settle(...claimed.map((each) => complete(each)))
      const later = yield* queue.enqueue(keyed("e", { uniqueUntil: "started" }))

      assert.deepStrictEqual(
        [waiting, started, retrying, later],
        [duplicateOf("a"), enqueued, duplicateOf("c"), enqueued]
      )
    })
  )

  it.effect("UNIQUE-7 a key held for a window is held that long, whatever becomes of its job", (queue) =>
    Effect.gen(function* () {
      const windowed = (id: string) => keyed(id, { uniqueWindowMillis: 60_000 })
      yield* queue.enqueue(windowed("a"))
      yield* queue.settle(bury(yield* queue.claimOne()))
      yield* TestClock.adjust(59_999)
      const inside = yield* queue.enqueue(windowed("b"))
      const redriven = yield* queue.redrive({ jobIds: ["a"] })
      yield* TestClock.adjust(1)

      const after = yield* queue.enqueue(windowed("c"))
      const again = yield* queue.enqueue(keyed("d"))

      assert.deepStrictEqual([inside, after, again], [duplicateOf("a"), enqueued, duplicateOf("c")])
      assert.deepStrictEqual(redriven, [{ jobId: "a", outcome: "redriven" }])
    })
  )

  it.effect("UNIQUE-7 a prune frees no key in its window, nor one that another has taken since", (queue) =>
    Effect.gen(function* () {
      const windowed = (id: string, uniqueWindowMillis: number) =>
        keyed(id, { uniqueKey: id, uniqueWindowMillis, retainMillis: 0 })
      yield* queue.enqueue(windowed("long", 1001), windowed("over", 1000))
      yield* queue.settle(...(yield* queue.claim()).map((held) => complete(held)))
      yield* TestClock.adjust("1 second")
      yield* queue.enqueue(keyed("next", { uniqueKey: "over" }))

      yield* queue.prune()
      const outcomes = yield* queue.enqueue(keyed("b", { uniqueKey: "long" }), keyed("c", { uniqueKey: "over" }))

      assert.deepStrictEqual(outcomes, [...duplicateOf("long"), ...duplicateOf("next")])
    })
  )

  it.effect("UNIQUE-8 replacing makes the waiting holder the new job, in its place", (queue) =>
    Effect.gen(function* () {
      const enqueuedAt = yield* Clock.currentTimeMillis
      yield* queue.enqueue(keyed("a"), job("b"))
      yield* TestClock.adjust("1 second")

      const outcomes = yield* queue.enqueue(
        keyed("c", { onDuplicate: "replace", payload: "new", maxAttempts: 9, headers: { h: "1" }, tags: ["t"] })
      )

      assert.deepStrictEqual(outcomes, replaced("a"))
      assert.strictEqual(yield* queue.state("c"), "none")
      assert.deepInclude(yield* queue.read("a"), {
        payload: "new",
        maxAttempts: 9,
        headers: { h: "1" },
        tags: ["t"],
        enqueuedAt,
        attempt: 0
      })
      assert.deepStrictEqual(ids(yield* queue.claim()), ["a", "b"])
    })
  )

  it.effect("UNIQUE-8 a replaced holder waits anew: at once, or for its new time", (queue) =>
    Effect.gen(function* () {
      const replacing = (uniqueKey: string, options: Partial<NewJob> = {}) =>
        keyed(`new-${uniqueKey}`, { uniqueKey, onDuplicate: "replace", ...options })
      yield* queue.enqueue(
        keyed("scheduled", { uniqueKey: "a", visible: { inMillis: 1000 } }),
        keyed("pending", { uniqueKey: "b" }),
        job("last")
      )

      yield* queue.enqueue(replacing("a"), replacing("b", { visible: { inMillis: 500 } }))
      const states = yield* queue.states("scheduled", "pending")
      const first = yield* queue.claim()
      yield* TestClock.adjust(500)
      const second = yield* queue.claim()

      assert.deepStrictEqual(states, ["pending", "scheduled"])
      assert.deepStrictEqual([first, second].map(ids), [["scheduled", "last"], ["pending"]])
    })
  )

  it.effect("UNIQUE-8 a replaced holder expires when the new job does, or never", (queue) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const expires = { inMillis: 1000 }
      yield* queue.enqueue(keyed("a", { uniqueKey: "a", expires }), keyed("b", { uniqueKey: "b" }))

      yield* queue.enqueue(
        keyed("c", { uniqueKey: "a", onDuplicate: "replace" }),
        keyed("d", { uniqueKey: "b", onDuplicate: "replace", expires })
      )
      const [a, b] = yield* Effect.forEach(["a", "b"], queue.read)
      yield* TestClock.adjust(1000)
      const claimed = yield* queue.claim()

      assert.notProperty(a, "expiresAt")
      assert.strictEqual(b!.expiresAt, now + 1000)
      assert.deepStrictEqual(ids(claimed), ["a"])
      assert.strictEqual(yield* queue.state("b"), "cancelled")
    })
  )

  it.effect("UNIQUE-8 a replaced holder holds its key as long as the new job would", (queue) =>
    Effect.gen(function* () {
      const keys = ["window", "end", "start", "longer"]
      const windowed = { uniqueWindowMillis: 60_000 }
      const holding = (id: string, options: ReadonlyArray<Partial<NewJob>>) =>
        keys.map((uniqueKey, i) => keyed(`${id}-${uniqueKey}`, { uniqueKey, ...options[i] }))
      yield* queue.enqueue(...holding("old", [{}, windowed, {}, windowed]))
      yield* TestClock.adjust(50_000)
      const news = holding("new", [windowed, {}, { uniqueUntil: "started" }, windowed])
      yield* queue.enqueue(...news.map((one): NewJob => ({ ...one, onDuplicate: "replace" })))

      const claimed = yield* queue.claim()
      const running = yield* queue.enqueue(...holding("running", []))
      yield* queue.settle(...claimed.map((held) => complete(held)))
      yield* TestClock.adjust(59_999)
      const inside = yield* queue.enqueue(...holding("inside", []))
      yield* TestClock.adjust(1)
      const after = yield* queue.enqueue(...holding("after", []))

      const tags = (outcomes: ReadonlyArray<EnqueueOutcome>) => outcomes.map(({ _tag }) => _tag)
      assert.deepStrictEqual(tags(running), ["Duplicate", "Duplicate", "Enqueued", "Duplicate"])
      assert.deepStrictEqual(tags(inside), ["Duplicate", "Enqueued", "Duplicate", "Duplicate"])
      assert.deepStrictEqual(tags(after), ["Enqueued", "Duplicate", "Duplicate", "Enqueued"])
    })
  )

  it.effect("UNIQUE-8 replacing again and again puts the start off: debouncing", (queue) =>
    Effect.gen(function* () {
      const debounced = (id: string) => keyed(id, { onDuplicate: "replace", visible: { inMillis: 1000 } })
      yield* queue.enqueue(debounced("a"))
      yield* TestClock.adjust(900)
      const second = yield* queue.enqueue(debounced("b"))
      yield* TestClock.adjust(900)
      const early = yield* queue.claim()
      yield* TestClock.adjust(100)
      const due = yield* queue.claim()

      assert.deepStrictEqual([second, early, ids(due)], [replaced("a"), [], ["a"]])
    })
  )

  it.effect("UNIQUE-8 a snoozed holder is replaced with its counts kept", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(keyed("a", { priority: 1 }))
      const held = yield* queue.claimOne()
      yield* queue.settle(snooze(held, 60_000))

      const outcomes = yield* queue.enqueue(keyed("b", { onDuplicate: "replace", payload: "new", priority: 2 }))
      const again = yield* queue.claimOne()

      assert.deepStrictEqual(outcomes, replaced("a"))
      assert.deepInclude(again, { id: "a", payload: "new", priority: 2, attempt: 1, snoozes: 1 })
      assert.deepStrictEqual(yield* queue.settle(complete(held)), ["stale"])
      assert.deepStrictEqual(yield* queue.settle(complete(again)), ["settled"])
    })
  )

  it.effect("UNIQUE-8 a holder that runs or retries is left alone", (queue) =>
    Effect.gen(function* () {
      const replacing = (id: string) => keyed(id, { onDuplicate: "replace", payload: "new" })
      yield* queue.enqueue(keyed("a"))
      const held = yield* queue.claimOne()
      const running = yield* queue.enqueue(replacing("b"))
      yield* queue.settle(retry(held, 60_000))

      const retrying = yield* queue.enqueue(replacing("c"))

      assert.deepStrictEqual([running, retrying], [duplicateOf("a"), duplicateOf("a")])
      assert.notStrictEqual((yield* queue.read("a")).payload, "new")
    })
  )

  it.effect("UNIQUE-8 of one call the last takes the place of the first", (queue) =>
    Effect.gen(function* () {
      const replacing = (id: string) => keyed(id, { onDuplicate: "replace", payload: id })

      const outcomes = yield* queue.enqueue(replacing("a"), replacing("b"), replacing("c"))

      assert.deepStrictEqual(outcomes, [...enqueued, ...replaced("a"), ...replaced("a")])
      assert.deepInclude(yield* queue.claimOne(), { id: "a", payload: "c" })
      assert.strictEqual((yield* queue.counters).enqueued, 1)
    })
  )

  it.effect("UNIQUE-1 a client names the key, or has it derived from the payload", (queue) =>
    Effect.gen(function* () {
      const outcomes = [
        yield* enqueue(queue, 1, { unique: true }),
        yield* enqueue(queue, 1, { unique: { until: "started" } }),
        yield* enqueue(queue, 2, { unique: true }),
        yield* enqueue(queue, 3, { unique: { key: ({ page }) => `odd-${page % 2}`, window: "1 hour" } }),
        yield* enqueue(queue, 5, { unique: { key: "odd-1" } }),
        yield* enqueue(queue, 2, { unique: { replace: true } })
      ]

      assert.deepStrictEqual(
        outcomes.map(({ outcome }) => outcome),
        ["enqueued", "duplicate", "enqueued", "enqueued", "duplicate", "replaced"]
      )
    })
  )
})
