import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Backoff from "../../domain/Backoff.ts"
import * as Queues from "../../domain/Queues.ts"
import * as Task from "../../domain/Task.ts"
import type { AnyTask } from "../../domain/Task.ts"
import { Client } from "../../features/client/Client.ts"
import * as Inspector from "../../features/inspector/Inspector.ts"
import * as Schedules from "../../features/schedules/Schedules.ts"
import { type WorkerOptions, WorkerOverrides } from "../../features/worker/Worker.ts"
import { Diagnostics } from "../../ports/Diagnostics.ts"
import { Capabilities } from "../../ports/Capabilities.ts"
import { contract } from "./contract.ts"
import { bury, cancel, complete, job, jobs } from "./support.ts"
import { advanceUntil, Echo, enqueue, isIn, work } from "./worker-support.ts"

class Plain extends Task.make("contract.plain", { payload: { text: Schema.String }, maxAttempts: 3 }) {}

const audit = (queue: string, limit = 100) => Diagnostics.use((diagnostics) => diagnostics.audit(queue, limit))

/** What operators look at and set. */
export const operatingContract = contract("operating", (it) => {
  it.effect("AUDIT-1 an audit finds counters, entries and records in accord", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(
        ...jobs(6, { retainMillis: 60_000 }),
        job("gone"),
        job("later", { visible: { inMillis: 1000 } })
      )
      const [one, two, three] = yield* queue.claim({ limit: 3 })
      yield* queue.settle(complete(one!), cancel(two!), bury(three!))
      yield* queue.claim({ limit: 4 })

      const found = yield* audit(queue.name)
      const empty = yield* audit(queue.sibling.name)

      assert.deepInclude(found, { enqueued: 8, removed: 0, indexed: 8, records: 8, looked: 8, strays: [] })
      assert.deepInclude(empty, { enqueued: 0, removed: 0, indexed: 0, records: 0, looked: 0, strays: [] })
    })
  )

  it.effect("AUDIT-2 an audit looks at no more entries of a state than its limit", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...jobs(5), job("later", { visible: { inMillis: 1000 } }))
      yield* queue.claim({ limit: 3 })

      const some = yield* audit(queue.name, 2)
      const none = yield* audit(queue.name, 0)

      assert.deepInclude(some, { indexed: 6, looked: 5 })
      assert.deepInclude(none, { indexed: 6, looked: 0 })
    })
  )

  it.effect("AUDIT-3 the store says what it is, its time and its layout", () =>
    Effect.gen(function* () {
      const diagnostics = yield* Diagnostics
      const { backend } = yield* Capabilities

      const servers = yield* diagnostics.servers
      const format = yield* diagnostics.format

      assert.isNotEmpty(servers)
      assert.isTrue(backend !== "redis" || Number.parseInt(servers[0]!.version!, 10) >= 7)
      assert.strictEqual(yield* diagnostics.now, yield* Clock.currentTimeMillis)
      assert.strictEqual(format.stored, format.known)
    })
  )

  it.effect("RUN-17 leases are extended with every heartbeat", (queue) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      yield* work(queue, Echo, () => Effect.andThen(Deferred.succeed(started, undefined), Effect.never), {
        lease: "60 seconds",
        heartbeat: "2 seconds"
      })
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      yield* Deferred.await(started)
      const first = (yield* queue.read(id)).leaseExpiresAt!
      const before = yield* Clock.currentTimeMillis

      yield* advanceUntil(Effect.map(queue.read(id), ({ leaseExpiresAt }) => leaseExpiresAt! > first))

      assert.isAtMost((yield* Clock.currentTimeMillis) - before, 3000)
    })
  )

  it.effect("RUN-17 a heartbeat longer than half of the lease is refused", (queue) =>
    Effect.gen(function* () {
      const bad = work(queue, Echo, () => Effect.succeed(""), { lease: "10 seconds", heartbeat: "6 seconds" })

      const error = yield* Effect.flip(bad)

      assert.deepInclude(error, { _tag: "InvalidInput", field: "heartbeat" })
    })
  )

  it.effect("RUN-19 options that can never be right are refused before anything starts", (queue) =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [string, Partial<WorkerOptions<ReadonlyArray<AnyTask>>>]> = [
        ["retention.dead", { retention: { dead: "soon" as never } }],
        ["retention.maxDead", { retention: { maxDead: -1 } }],
        ["retention.maxFinished", { retention: { maxFinished: 0.5 } }],
        ["ticks.reread", { ticks: { reread: -1 } }],
        ["poll", { poll: 0 }]
      ]

      const errors = yield* Effect.forEach(wrong, ([, options]) =>
        Effect.flip(work(queue, Echo, () => Effect.succeed(""), options))
      )

      for (const error of errors) assert.strictEqual(error._tag, "InvalidInput")
      assert.deepStrictEqual(
        errors.map((error) => error._tag === "InvalidInput" && error.field),
        wrong.map(([field]) => field)
      )
      assert.deepStrictEqual(yield* Inspector.workers(queue.name), [])
    })
  )

  it.effect("RUN-15 a task without a backoff waits as its queue says", (queue) =>
    Effect.gen(function* () {
      const backoffs = { [queue.name]: Backoff.fixed("7 minutes"), [queue.sibling.name]: Backoff.fixed("7 minutes") }
      yield* work(queue, Plain, () => Effect.fail("no"), { backoffs })
      yield* work(queue.sibling, Echo, () => Effect.fail("no"), { backoffs })
      const now = yield* Clock.currentTimeMillis
      const plain = yield* enqueue(queue, Plain, { text: "" })
      const own = yield* enqueue(queue.sibling, Echo, { text: "" })

      yield* advanceUntil(isIn(queue, plain.id, "retry"), 1)
      yield* advanceUntil(isIn(queue.sibling, own.id, "retry"), 1)

      const wait = (visibleAt: number | undefined) => Math.round((visibleAt! - now) / 10_000) * 10
      assert.strictEqual(wait((yield* queue.read(plain.id)).visibleAt), 420)
      assert.strictEqual(wait((yield* queue.sibling.read(own.id)).visibleAt), 10)
    })
  )

  it.effect("RUN-15 what is said of a sharded queue holds for its shards", (queue) =>
    Effect.gen(function* () {
      const orders = Queues.sharded(queue.sibling.name, { shards: 2 })
      const [first, second] = [`${orders.name}.0`, `${orders.name}.1`] as const
      const backoffs = { [orders.name]: Backoff.fixed("7 minutes"), [second]: Backoff.fixed("3 minutes") }
      yield* work(queue, Plain, () => Effect.fail("no"), { backoffs, queues: [orders] })
      const now = yield* Clock.currentTimeMillis
      const waits: Array<number> = []
      for (const name of [first, second]) {
        const { id } = yield* Effect.provide(Client.enqueue(Plain, { text: "" }, { queue: name }), Client.layer)
        const found = Effect.map(Inspector.job(name, id), Option.getOrThrow)

        yield* advanceUntil(
          Effect.map(found, ({ job }) => job.state === "retry"),
          1
        )

        waits.push(Math.round(((yield* found).job.visibleAt! - now) / 10_000) * 10)
      }

      assert.deepStrictEqual(waits, [420, 180])
    })
  )

  it.effect("RUN-16 overrides take the place of a worker's own options", (queue) =>
    Effect.gen(function* () {
      const ran = yield* Deferred.make<void>()
      yield* Effect.provideService(
        work(queue, Echo, () => Effect.as(Deferred.succeed(ran, undefined), "")),
        WorkerOverrides,
        { queues: [queue.sibling.name] }
      )
      const left = yield* enqueue(queue, Echo, { text: "" })
      yield* enqueue(queue.sibling, Echo, { text: "" })

      yield* Deferred.await(ran)

      assert.strictEqual(yield* queue.state(left.id), "pending")
    })
  )

  it.effect("SCHED-17 a backfill stores the jobs of past ticks that have none", (queue) =>
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      const name = `backfill.${queue.name.slice(-8)}`
      yield* Schedules.upsert(
        Schedules.entry(name, Echo, { every: "1 minute", anchor: start, queue: queue.name, payload: { text: "" } })
      )
      const before = yield* Schedules.get(name)
      yield* TestClock.adjust("10 minutes")

      const range = { from: start + 60_000, to: start + 7_200_000 }
      const dry = yield* Schedules.backfill(name, { ...range, dryRun: true, limit: 3 })
      const some = yield* Schedules.backfill(name, { ...range, limit: 3 })
      const all = yield* Schedules.backfill(name, range)

      const minutes = (ticks: ReadonlyArray<number>) => ticks.map((tick) => (tick - start) / 60_000)
      assert.deepStrictEqual([minutes(dry.ticks), dry.stored], [[2, 3, 4], 0])
      assert.deepStrictEqual([minutes(some.ticks), some.stored], [[2, 3, 4], 3])
      assert.deepStrictEqual([minutes(all.ticks), all.stored], [[2, 3, 4, 5, 6, 7, 8, 9, 10], 6])
      assert.deepStrictEqual((yield* queue.depths).pending, 9)
      assert.deepStrictEqual(yield* Schedules.get(name), before)
      yield* Schedules.remove(name)
    })
  )
})
