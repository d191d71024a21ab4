import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { contract } from "./contract.ts"
import { bury, cancel, complete, depths, ids, job, release, retry, snooze } from "./support.ts"

const enqueued = { _tag: "Enqueued" } as const
const duplicateOf = (of: string) => ({ _tag: "Duplicate", of }) as const
const keyed = (id: string, uniqueKey = "k") => job(id, { uniqueKey })

export const uniqueContract = contract("unique", (it) => {
  it.effect("UNIQUE-1 a job whose key is held is left out, and its holder named", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(keyed("holder"))

      const outcomes = yield* queue.enqueue(keyed("late"), job("free"), keyed("other", "l"))

      assert.deepStrictEqual(outcomes, [duplicateOf("holder"), enqueued, enqueued])
      assert.deepStrictEqual(yield* queue.listFrom("pending", 10), ["holder", "free", "other"])
      assert.strictEqual(yield* queue.state("late"), "none")
    })
  )

  it.effect("UNIQUE-1 a key is held in every unsettled state", (queue) =>
    Effect.gen(function* () {
      const states = ["retry", "active", "pending", "scheduled"]
      yield* queue.enqueue(keyed("retry", "retry"), keyed("active", "active"))
      const [failed] = yield* queue.claim()
      yield* queue.settle(retry(failed!, 1000))
      const delayed = { ...keyed("scheduled", "scheduled"), visible: { inMillis: 1000 } }
      yield* queue.enqueue(keyed("pending", "pending"), delayed)

      const outcomes = yield* queue.enqueue(...states.map((state) => keyed(`second-${state}`, state)))

      assert.deepStrictEqual(yield* queue.states(...states), states)
      assert.deepStrictEqual(outcomes, states.map(duplicateOf))
    })
  )

  it.effect("UNIQUE-1 keys are any printable text and are told apart exactly", (queue) =>
    Effect.gen(function* () {
      const keys = ["k", "K", "k ", "{k}", "k:1", "user@example.org/żółć 🚀", "%s", "'\"\\", "x".repeat(128)]

      const first = yield* queue.enqueue(...keys.map((key, i) => keyed(`first-${i}`, key)))
      const second = yield* queue.enqueue(...keys.map((key, i) => keyed(`second-${i}`, key)))

      assert.deepStrictEqual(first, Array(keys.length).fill(enqueued))
      assert.deepStrictEqual(
        second,
        keys.map((_, i) => duplicateOf(`first-${i}`))
      )
      assert.deepStrictEqual((yield* queue.read("first-5")).uniqueKey, keys[5])
    })
  )

  it.effect("UNIQUE-1 another queue does not share the key", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(keyed("a"))

      const outcomes = yield* queue.sibling.enqueue(keyed("b"))

      assert.deepStrictEqual(outcomes, [enqueued])
    })
  )

  it.effect("UNIQUE-2 the key is free when its holder completes, is cancelled or dies", (queue) =>
    Effect.gen(function* () {
      const ends = ["done", "kept", "cancelled", "buried", "exhausted", "crashed"]
      const retained = { retainMillis: 1000 }
      yield* queue.enqueue(
        keyed("done", "done"),
        ...ends.slice(1).map((id) => ({ ...keyed(id, id), ...retained, maxAttempts: 1 }))
      )
      const [done, kept, cancelled, buried, exhausted] = yield* queue.claim({ leaseMillis: 1000 })
      yield* queue.settle(complete(done!), complete(kept!), cancel(cancelled!), bury(buried!), retry(exhausted!))
      yield* TestClock.adjust(1000)
      yield* queue.rescue(10)

      const outcomes = yield* queue.enqueue(...ends.map((key) => keyed(`second-${key}`, key)))

      assert.deepStrictEqual(outcomes, Array(ends.length).fill(enqueued))
    })
  )

  it.effect("UNIQUE-2 retry, snooze, release and rescue keep the key", (queue) =>
    Effect.gen(function* () {
      const ways = ["retry", "snooze", "release", "delay", "rescue"]
      yield* queue.enqueue(...ways.map((way) => keyed(way, way)))
      const [retried, snoozed, released, delayed] = yield* queue.claim({ leaseMillis: 1000 })
      yield* queue.settle(retry(retried!), snooze(snoozed!), release(released!), release(delayed!, 1000))
      yield* TestClock.adjust(1000)
      yield* queue.rescue(10)

      const waiting = yield* queue.enqueue(...ways.map((way) => keyed(`second-${way}`, way)))
      yield* queue.claim()
      const active = yield* queue.enqueue(...ways.map((way) => keyed(`third-${way}`, way)))

      assert.deepStrictEqual([waiting, active], [ways.map(duplicateOf), ways.map(duplicateOf)])
    })
  )

  it.effect("UNIQUE-2 removing a settled job leaves the key of its next holder", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue({ ...keyed("done"), retainMillis: 1000 }, keyed("dead", "l"))
      const [done, dead] = yield* queue.claim()
      yield* queue.settle(complete(done!), bury(dead!))
      yield* queue.enqueue(keyed("next"), keyed("next-l", "l"))

      yield* queue.prune({ maxFinished: 0 })
      yield* queue.purge({ jobIds: ["dead"] })
      const outcomes = yield* queue.enqueue(keyed("late"), keyed("late-l", "l"))

      assert.deepStrictEqual(outcomes, [duplicateOf("next"), duplicateOf("next-l")])
    })
  )

  it.effect("UNIQUE-2 a settlement repeated or stale does not free the next holder's key", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue({ ...keyed("done"), retainMillis: 1000 })
      const held = yield* queue.claimOne()
      yield* queue.settle(complete(held))
      yield* queue.enqueue(keyed("next"))

      const settled = yield* queue.settle(complete(held), complete({ id: "next", token: held.token }))
      const outcomes = yield* queue.enqueue(keyed("late"))

      assert.deepStrictEqual(settled, ["repeated", "stale"])
      assert.deepStrictEqual(outcomes, [duplicateOf("next")])
    })
  )

  it.effect("UNIQUE-3 of two jobs with one key in one call the first holds it", (queue) =>
    Effect.gen(function* () {
      const outcomes = yield* queue.enqueue(keyed("b"), keyed("a"), keyed("c", "l"), keyed("d"))

      assert.deepStrictEqual(outcomes, [enqueued, duplicateOf("b"), enqueued, duplicateOf("b")])
      assert.deepStrictEqual(yield* queue.depths, depths({ pending: 2 }))
    })
  )

  it.effect("UNIQUE-3 so it is when they differ in everything else", (queue) =>
    Effect.gen(function* () {
      const other = job("b", { uniqueKey: "k", kind: "another", priority: 9, maxAttempts: 1, uniqueUntil: "started" })

      const outcomes = yield* queue.enqueue(keyed("a"), other, keyed("c", "l"))

      assert.deepStrictEqual(outcomes, [enqueued, duplicateOf("a"), enqueued])
      assert.deepStrictEqual(yield* queue.states("a", "b", "c"), ["pending", "none", "pending"])
    })
  )

  it.effect("UNIQUE-4 a redrive takes the key again", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(keyed("a"))
      yield* queue.settle(bury(yield* queue.claimOne()))

      const redriven = yield* queue.redrive({ jobIds: ["a"] })
      const outcomes = yield* queue.enqueue(keyed("late"))
      yield* queue.settle(complete(yield* queue.claimOne()))
      const after = yield* queue.enqueue(keyed("next"))

      assert.deepStrictEqual(redriven, [{ jobId: "a", outcome: "redriven" }])
      assert.deepStrictEqual([outcomes, after], [[duplicateOf("a")], [enqueued]])
    })
  )

  it.effect("UNIQUE-4 a job whose key another holds stays dead", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(keyed("dead"))
      yield* queue.settle(bury(yield* queue.claimOne()))
      yield* queue.enqueue(keyed("holder"))
      const before = yield* queue.snapshot("dead")

      const outcomes = [yield* queue.redrive({ jobIds: ["dead"] }), yield* queue.redrive({ oldest: 10 })]

      assert.deepStrictEqual(outcomes, Array(2).fill([{ jobId: "dead", outcome: "key-taken" }]))
      assert.deepStrictEqual(yield* queue.snapshot("dead"), before)
    })
  )

  it.effect("UNIQUE-4 of two dead jobs with one key the first redriven takes it", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(keyed("a"))
      yield* queue.settle(bury(yield* queue.claimOne()))
      yield* queue.enqueue(keyed("b"))
      yield* queue.settle(bury(yield* queue.claimOne()))

      const outcomes = yield* queue.redrive({ jobIds: ["b", "a"] })

      assert.deepStrictEqual(outcomes, [
        { jobId: "b", outcome: "redriven" },
        { jobId: "a", outcome: "key-taken" }
      ])
    })
  )

  it.effect("UNIQUE-5 a repeated id is existing and takes no key", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"), keyed("b", "l"))

      const outcomes = yield* queue.enqueue(keyed("a"), keyed("b", "k"), keyed("c"))

      const existing = { _tag: "Existing", identical: false }
      assert.deepStrictEqual<unknown>(outcomes, [existing, existing, enqueued])
      assert.deepStrictEqual(ids(yield* queue.claim()), ["a", "b", "c"])
    })
  )

  it.effect("UNIQUE-5 the holder itself is existing, not its own duplicate", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(keyed("a"))

      const outcomes = yield* queue.enqueue(keyed("a"), { ...keyed("a"), payload: "other" })

      assert.deepStrictEqual<unknown>(outcomes, [
        { _tag: "Existing", identical: true },
        { _tag: "Existing", identical: false }
      ])
    })
  )
})
