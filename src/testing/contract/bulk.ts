import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/testing/TestClock"
import type { DeadReason, JobId } from "../../domain/Job.ts"
import * as DeadLetters from "../../features/dead-letters/DeadLetters.ts"
import { DeadLetterStore } from "../../ports/DeadLetterStore.ts"
import type { NewJob } from "../../ports/JobStore.ts"
import type { JobPage } from "../../ports/QueueControl.ts"
import { StoreError } from "../../ports/StoreError.ts"
import * as Queues from "../../domain/Queues.ts"
import { contract } from "./contract.ts"
import { shardedOf } from "./sharding-support.ts"
import { bury, ids, job } from "./support.ts"
import { makeQueue, type TestQueue } from "./TestQueue.ts"

/** Makes a dead letter, and lets a second pass. */
const die = Effect.fnUntraced(function* (
  queue: TestQueue,
  id: JobId,
  options: Partial<NewJob> & { readonly reason?: DeadReason; readonly error?: string } = {}
) {
  const { error = "it failed", reason = "skipped", ...rest } = options
  yield* queue.enqueue(job(id, rest))
  yield* queue.settle(bury(yield* queue.claimOne(), reason, error))
  yield* TestClock.adjust("1 second")
})

/** Many dead letters of one instant, `job-0` to `job-<count - 1>`, every third of another kind. */
const dieMany = Effect.fnUntraced(function* (queue: TestQueue, count: number) {
  yield* queue.enqueue(
    ...Array.from({ length: count }, (_, i) => job(`job-${i}`, { kind: i % 3 === 0 ? "third" : "other" }))
  )
  yield* queue.settle(...(yield* queue.claim()).map((held) => bury(held)))
})

const report = (some: Partial<DeadLetters.BulkReport>): DeadLetters.BulkReport => ({
  looked: 0,
  matched: 0,
  done: 0,
  skipped: { "not-dead": 0, "key-taken": 0 },
  ...some
})

export const bulkContract = contract("dead letters in bulk", (it) => {
  it.effect("INSPECT-8 a filter finds dead letters by each of its parts, and by all of them", (queue) =>
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      yield* die(queue, "a", { kind: "mail", tags: ["red", "blue"], error: "no route to host" })
      yield* die(queue, "b", { kind: "mail", reason: "exhausted", error: "timed out" })
      yield* die(queue, "c", { kind: "sms", tags: ["red"], error: "No Route" })
      yield* die(queue, "d", { kind: "sms", reason: "exhausted", error: "no route again" })
      const found = (filter: DeadLetters.Filter) =>
        Effect.map(DeadLetters.listWhere(queue.name, filter), (page) => ids(page.jobs))

      assert.deepStrictEqual(yield* found({}), ["d", "c", "b", "a"])
      assert.deepStrictEqual(yield* found({ kind: "mail" }), ["b", "a"])
      assert.deepStrictEqual(yield* found({ reason: "exhausted" }), ["d", "b"])
      assert.deepStrictEqual(yield* found({ errorIncludes: "no route" }), ["d", "a"])
      assert.deepStrictEqual(yield* found({ tag: "red" }), ["c", "a"])
      assert.deepStrictEqual(yield* found({ diedBefore: start + 1000 }), ["a"])
      assert.deepStrictEqual(yield* found({ diedAfter: new Date(start + 1000) }), ["d", "c", "b"])
      assert.deepStrictEqual(yield* found({ diedAfter: start + 1000, diedBefore: start + 3000, kind: "sms" }), ["c"])
      assert.deepStrictEqual(yield* found({ diedBefore: new Date("never") }), [])
    })
  )

  it.effect("INSPECT-8 the error is that of the last attempt", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "a", { error: "the first death" })
      yield* DeadLetters.redrive(queue.name, ["a"])
      yield* queue.settle(bury(yield* queue.claimOne(), "skipped", "the second death"))

      const first = yield* DeadLetters.listWhere(queue.name, { errorIncludes: "first" })
      const second = yield* DeadLetters.listWhere(queue.name, { errorIncludes: "second" })

      assert.deepStrictEqual([ids(first.jobs), ids(second.jobs)], [[], ["a"]])
    })
  )

  it.effect("INSPECT-9 redriving by a filter touches what matches and tells what it skipped", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "a", { kind: "mail" })
      yield* die(queue, "b", { kind: "mail", uniqueKey: "key" })
      yield* die(queue, "c", { kind: "sms" })
      yield* queue.enqueue(job("holder", { uniqueKey: "key" }))

      const dry = yield* DeadLetters.redriveWhere(queue.name, { kind: "mail" }, { dryRun: true })
      const before = yield* queue.states("a", "b", "c")
      const done = yield* DeadLetters.redriveWhere(queue.name, { kind: "mail" })
      const again = yield* DeadLetters.redriveWhere(queue.name, { kind: "mail" })

      const skipped = { "not-dead": 0, "key-taken": 1 }
      assert.deepStrictEqual(before, ["dead", "dead", "dead"])
      assert.deepStrictEqual(dry, report({ looked: 3, matched: 2 }))
      assert.deepStrictEqual(done, report({ looked: 3, matched: 2, done: 1, skipped }))
      assert.deepStrictEqual(again, report({ looked: 2, matched: 1, skipped }))
      assert.deepStrictEqual(yield* queue.states("a", "b", "c"), ["pending", "dead", "dead"])
    })
  )

  it.effect("INSPECT-9 purging by a filter removes what matches, and skips what is dead no more", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "a", { kind: "mail" })
      yield* die(queue, "b", { kind: "mail" })
      yield* die(queue, "c", { kind: "sms" })
      const store = yield* DeadLetterStore
      // somebody redrives one between the look and the purge
      const late = DeadLetterStore.of({
        ...store,
        purge: (name, selection) => Effect.andThen(store.redrive(name, { jobIds: ["a"] }), store.purge(name, selection))
      })

      const dry = yield* DeadLetters.purgeWhere(queue.name, { kind: "mail" }, { dryRun: true })
      const done = yield* Effect.provideService(
        DeadLetters.purgeWhere(queue.name, { kind: "mail" }),
        DeadLetterStore,
        late
      )

      assert.deepStrictEqual(dry, report({ looked: 3, matched: 2 }))
      assert.deepStrictEqual(
        done,
        report({ looked: 3, matched: 2, done: 1, skipped: { "not-dead": 1, "key-taken": 0 } })
      )
      assert.deepStrictEqual(yield* queue.states("a", "b", "c"), ["pending", "none", "dead"])
    })
  )

  it.effect("INSPECT-9 steps are bounded, and each is told", (queue) =>
    Effect.gen(function* () {
      for (let i = 0; i < 3; i++) {
        yield* queue.enqueue(...Array.from({ length: 400 }, (_, n) => job(`${i}-${n}`)))
        yield* queue.settle(...(yield* queue.claim()).map((held) => bury(held)))
      }
      const store = yield* DeadLetterStore
      const sizes: Array<number> = []
      const counting = DeadLetterStore.of({
        ...store,
        redrive: (name, selection) => {
          if ("jobIds" in selection) sizes.push(selection.jobIds.length)
          return store.redrive(name, selection)
        }
      })
      const told: Array<number> = []

      const done = yield* Effect.provideService(
        DeadLetters.redriveWhere(
          queue.name,
          {},
          { onProgress: (soFar) => Effect.sync(() => told.push(soFar.done)).pipe(Effect.asVoid) }
        ),
        DeadLetterStore,
        counting
      )

      assert.deepStrictEqual(done, report({ looked: 1200, matched: 1200, done: 1200 }))
      assert.deepStrictEqual([sizes, told], [[500, 500, 200], [500, 1000, 1200]]) // oxfmt-ignore
    })
  )

  it.effect("INSPECT-10 a bulk action goes on where its limit stopped it", (queue) =>
    Effect.gen(function* () {
      yield* dieMany(queue, 30)

      const reports: Array<DeadLetters.BulkReport> = []
      let cursor: string | undefined
      do {
        const next = yield* DeadLetters.redriveWhere(queue.name, { kind: "third" }, { limit: 4, cursor })
        reports.push(next)
        cursor = next.cursor
      } while (cursor !== undefined)

      const sum = (of: (one: DeadLetters.BulkReport) => number) => reports.reduce((all, one) => all + of(one), 0)
      assert.deepStrictEqual(
        reports.map(({ done }) => done),
        [4, 4, 2]
      )
      assert.strictEqual(
        sum(({ looked }) => looked),
        30
      )
      assert.deepInclude(yield* queue.depths, { dead: 20, pending: 10 })
    })
  )

  it.effect("INSPECT-10 a limit holds over matches that lie far apart", (queue) =>
    Effect.gen(function* () {
      yield* die(queue, "oldest", { kind: "mail" })
      yield* die(queue, "old", { kind: "mail" })
      yield* dieMany(queue, 1000)
      yield* TestClock.adjust("1 second")
      yield* die(queue, "new", { kind: "mail" })

      const done = yield* DeadLetters.redriveWhere(queue.name, { kind: "mail" }, { limit: 2 })

      assert.deepInclude(done, { looked: 1002, done: 2 })
      assert.isDefined(done.cursor)
      assert.deepStrictEqual(yield* queue.states("new", "old", "oldest"), ["pending", "pending", "dead"])
    })
  )

  it.effect("INSPECT-10 a bulk action that failed goes on from what it told last", (queue) =>
    Effect.gen(function* () {
      yield* dieMany(queue, 900)
      const store = yield* DeadLetterStore
      let calls = 0
      const failing = DeadLetterStore.of({
        ...store,
        purge: (name, selection) =>
          ++calls === 2
            ? Effect.fail(new StoreError({ operation: "purge", reason: "unavailable", retryable: true, cause: "cut" }))
            : store.purge(name, selection)
      })
      let last: DeadLetters.BulkReport | undefined
      const onProgress = (soFar: DeadLetters.BulkReport) =>
        Effect.sync(() => {
          last = soFar
        })

      yield* Effect.flip(
        Effect.provideService(DeadLetters.purgeWhere(queue.name, {}, { onProgress }), DeadLetterStore, failing)
      )
      const rest = yield* DeadLetters.purgeWhere(queue.name, {}, { cursor: last?.cursor })

      assert.deepStrictEqual([last?.done, rest.done], [500, 400])
      assert.strictEqual((yield* queue.depths).dead, 0)
    })
  )

  it.effect("SHARD-14 dead letters are counted, redriven and removed over all shards", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 3)
      const [first, second, third] = yield* Effect.forEach(Queues.shardsOf(orders), makeQueue)
      yield* die(first!, "a")
      yield* die(first!, "both")
      yield* dieMany(second!, 3)
      yield* die(third!, "both")
      yield* third!.enqueue(job("waits"))

      const all = yield* DeadLetters.count(orders)
      const redriven = yield* DeadLetters.redrive(orders, ["job-1", "both", "waits", "a"])
      const purged = yield* DeadLetters.purge(orders, ["job-0", "a", "unknown"])
      const left = yield* DeadLetters.count(orders)

      assert.strictEqual(all, 6)
      assert.deepStrictEqual(redriven, [
        { jobId: "job-1", outcome: "redriven" },
        { jobId: "both", outcome: "redriven" },
        { jobId: "waits", outcome: "not-dead" },
        { jobId: "a", outcome: "redriven" }
      ])
      assert.deepStrictEqual([purged, left], [1, 1])
      assert.deepStrictEqual(yield* third!.states("both", "waits"), ["pending", "pending"])
      assert.strictEqual(yield* second!.state("job-0"), "none")

      yield* first!.settle(...(yield* first!.claim()).map((held) => bury(held)))
      assert.strictEqual(yield* DeadLetters.redriveAll(orders), 3)
      yield* third!.settle(...(yield* third!.claim()).map((held) => bury(held)))
      assert.deepStrictEqual([yield* DeadLetters.purgeAll(orders), yield* DeadLetters.count(orders)], [2, 0])
      for (const shards of [0, Infinity]) {
        assert.isTrue(Exit.hasDies(yield* Effect.exit(DeadLetters.count(shardedOf(queue, shards)))))
      }
    })
  )

  it.effect("SHARD-14 dead letters of all shards are listed together, newest death first, each on one page", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 3)
      const [first, second, third] = yield* Effect.forEach(Queues.shardsOf(orders), makeQueue)
      const order = [third!, first!, first!, third!, second!, third!, third!, first!]
      for (const [i, shard] of order.entries()) yield* die(shard, `job-${i}`)
      const newestFirst = order.map((_, i) => `job-${i}`).toReversed()
      const follow = Effect.fnUntraced(function* (limit: number, meanwhile: Effect.Effect<unknown, StoreError>) {
        const pages: Array<ReadonlyArray<string>> = []
        let cursor: string | undefined
        do {
          const page: JobPage = yield* DeadLetters.list(orders, { cursor, limit })
          pages.push(ids(page.jobs))
          cursor = page.cursor
          if (pages.length === 1) yield* meanwhile
        } while (cursor !== undefined)
        return pages
      })

      const whole = yield* DeadLetters.list(orders)
      const newest = yield* DeadLetters.peek(orders)
      const byThree = yield* follow(3, Effect.void)
      const byOne = yield* follow(1, Effect.void)
      const store = yield* DeadLetterStore
      const changing = yield* follow(
        2,
        Effect.andThen(store.purge(third!.name, { jobIds: ["job-5"] }), die(second!, "new"))
      )

      assert.deepStrictEqual([ids(whole.jobs), whole.cursor, newest?.id], [newestFirst, undefined, "job-7"])
      assert.deepStrictEqual(byThree.slice(0, 3), [
        newestFirst.slice(0, 3),
        newestFirst.slice(3, 6),
        newestFirst.slice(6)
      ])
      assert.deepStrictEqual(byThree.flat(), newestFirst)
      assert.deepStrictEqual(byOne.flat(), newestFirst)
      // one that stays is shown once
      assert.deepStrictEqual(
        changing.flat().filter((id) => id !== "new"),
        newestFirst.filter((id) => id !== "job-5")
      )
    })
  )

  it.effect("SHARD-14 a filter goes on over all shards where it had looked at enough", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 2)
      const [first, second] = yield* Effect.forEach(Queues.shardsOf(orders), makeQueue)
      yield* die(first!, "oldest", { kind: "mail" })
      yield* die(second!, "old", { kind: "mail" })
      yield* die(first!, "newer", { kind: "mail" })
      for (let i = 0; i < 3; i++) yield* die(first!, `other-${i}`)
      yield* die(second!, "newest", { kind: "mail" })

      const found: Array<string> = []
      let cursor: string | undefined
      let looked = 0
      do {
        const page = yield* DeadLetters.listWhere(orders, { kind: "mail" }, { cursor, limit: 2, scan: 2 })
        found.push(...ids(page.jobs))
        cursor = page.cursor
        looked += page.looked
      } while (cursor !== undefined)

      assert.deepStrictEqual(found, ["newest", "newer", "old", "oldest"])
      assert.strictEqual(looked, 7)
    })
  )

  it.effect("SHARD-14 a cursor that no page of the shards gave is refused", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 3)
      const [first] = yield* Effect.forEach(Queues.shardsOf(orders), makeQueue)
      yield* die(first!, "a")

      const bad = yield* Effect.forEach(["", "0", "0:", "3:,", "0:nowhere,", "0:,x", ",", "0:1:a"], (cursor) =>
        Effect.flip(DeadLetters.list(orders, { cursor }))
      )

      assert.deepStrictEqual(
        bad.map(({ reason }) => reason),
        bad.map(() => "rejected")
      )
    })
  )

  it.effect("SHARD-14 a bulk action's limit holds over all shards, and its cursor goes on where it stopped", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 3)
      const shards = yield* Effect.forEach(Queues.shardsOf(orders), makeQueue)
      for (const shard of shards) yield* dieMany(shard, 6)

      const dry = yield* DeadLetters.purgeWhere(orders, { kind: "third" }, { dryRun: true })
      const some = yield* DeadLetters.redriveWhere(orders, { kind: "third" }, { limit: 3 })
      const rest = yield* DeadLetters.redriveWhere(orders, { kind: "third" }, { limit: 100, cursor: some.cursor })
      const bad = yield* Effect.forEach(["", "3:", "9:a", "1:nowhere"], (cursor) =>
        Effect.flip(DeadLetters.purgeWhere(orders, {}, { cursor }))
      )

      assert.deepStrictEqual(dry, report({ looked: 18, matched: 6 }))
      assert.deepInclude(some, { matched: 3, done: 3 })
      assert.deepInclude(rest, { matched: 3, done: 3 })
      assert.isUndefined(rest.cursor)
      assert.strictEqual(some.looked + rest.looked, 18)
      assert.deepStrictEqual(
        bad.map(({ reason }) => reason),
        ["rejected", "rejected", "rejected", "rejected"]
      )
      assert.deepStrictEqual(
        yield* Effect.forEach(shards, (shard) => Effect.map(shard.depths, ({ dead, pending }) => [dead, pending])),
        [
          [4, 2],
          [4, 2],
          [4, 2]
        ]
      )
    })
  )
})
