import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import type { Missed } from "../../domain/Schedule.ts"
import * as Schedules from "../../features/schedules/Schedules.ts"
import { tickLoop } from "../../features/schedules/Ticker.ts"
import { ScheduleStore } from "../../ports/ScheduleStore.ts"
import { StoreError } from "../../ports/StoreError.ts"
import { contract } from "./contract.ts"
import { listeningLogger } from "./observing-support.ts"
import {
  hasRun,
  hour,
  idsIn,
  minute,
  nextWhole,
  record,
  scheduled,
  scheduleName,
  standing,
  startTicker,
  Sweep,
  sweepEntry,
  ticksOf
} from "./schedules-support.ts"
import { complete } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"
import { advanceUntil, Echo, eventually, work } from "./worker-support.ts"

const everyMinute: Schedules.When = { every: "1 minute" }

const at = (text: string) => Date.parse(text)

type Store = ScheduleStore["Service"]

/** A store that never answers one call, made before it or after it took effect: its caller's process has ended there. */
const endingAt = Effect.fnUntraced(function* (call: number, when: "before" | "after") {
  const store = yield* ScheduleStore
  const ended = yield* Deferred.make<void>()
  let calls = 0
  const end = Effect.andThen(Deferred.succeed(ended, undefined), Effect.never)
  const guarded = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      if (calls++ !== call) return effect
      return when === "before" ? end : Effect.andThen(effect, end)
    })
  const ending: Store = {
    ...store,
    queues: guarded(store.queues),
    due: (queue, limit) => guarded(store.due(queue, limit)),
    tick: (tick) => guarded(store.tick(tick))
  }
  return { ending, ended: Deferred.await(ended) }
})

/** Schedules of one queue alone: backends keep those of other tests. */
const only = (store: Store, queue: TestQueue): Store => ({ ...store, queues: Effect.succeed([queue.name]) })

/** What ticks while the clock goes from one instant to another, every tick being wanted. */
const ticksWithin = Effect.fnUntraced(function* (queue: TestQueue, from: string, to: string, when: Schedules.When) {
  yield* TestClock.setTime(at(from))
  const name = yield* scheduled(queue, when, { missed: { all: 1000 } })
  const expected = yield* Schedules.preview(when, { after: at(from), count: 1000 })
  yield* TestClock.setTime(at(to))
  const ticker = yield* startTicker()
  yield* hasRun(name, expected.filter((tick) => tick <= at(to)).length)
  yield* ticker.stop
  yield* Schedules.remove(name)
  return ticksOf(name, yield* idsIn(queue, "pending"))
})

export const tickingContract = contract("ticking", (it) => {
  it.effect("SCHED-3 a local time that is left out or repeated ticks once", (queue) =>
    Effect.gen(function* () {
      const newYork = (cron: string) => ({ cron, timezone: "America/New_York" })
      const berlin = (cron: string) => ({ cron, timezone: "Europe/Berlin" })

      const found = [
        yield* ticksWithin(queue, "2026-03-08T05:00Z", "2026-03-09T12:00Z", newYork("*/30 2 * * *")),
        yield* ticksWithin(queue, "2026-03-28T23:00Z", "2026-03-30T12:00Z", berlin("*/30 2 * * *")),
        yield* ticksWithin(queue, "2026-10-24T22:00Z", "2026-10-26T12:00Z", berlin("30 2 * * *")),
        yield* ticksWithin(queue, "2026-11-01T04:00Z", "2026-11-02T12:00Z", newYork("30 1 * * *"))
      ]

      assert.deepStrictEqual(found, [
        ["2026-03-08T07:00Z", "2026-03-08T07:30Z", "2026-03-09T06:00Z", "2026-03-09T06:30Z"],
        ["2026-03-29T01:00Z", "2026-03-29T01:30Z", "2026-03-30T00:00Z", "2026-03-30T00:30Z"],
        ["2026-10-25T00:30Z", "2026-10-26T01:30Z"],
        ["2026-11-01T05:30Z", "2026-11-02T06:30Z"]
      ])
    })
  )

  it.effect("SCHED-3 every hour ticks in every hour that passes", (queue) =>
    Effect.gen(function* () {
      const found = [
        yield* ticksWithin(queue, "2027-03-14T05:50Z", "2027-03-14T08:10Z", {
          ...{ cron: "0 * * * *", timezone: "America/New_York" }
        }),
        yield* ticksWithin(queue, "2027-03-27T23:50Z", "2027-03-28T02:10Z", {
          ...{ cron: "@hourly", timezone: "Europe/Berlin" }
        }),
        yield* ticksWithin(queue, "2027-10-30T23:50Z", "2027-10-31T02:10Z", {
          ...{ cron: "@hourly", timezone: "Europe/Berlin" }
        }),
        yield* ticksWithin(queue, "2027-11-07T04:50Z", "2027-11-07T07:10Z", {
          ...{ cron: "0 * * * *", timezone: "America/New_York" }
        })
      ]

      assert.deepStrictEqual(found, [
        ["2027-03-14T06:00Z", "2027-03-14T07:00Z", "2027-03-14T08:00Z"],
        ["2027-03-28T00:00Z", "2027-03-28T01:00Z", "2027-03-28T02:00Z"],
        ["2027-10-31T00:00Z", "2027-10-31T01:00Z", "2027-10-31T02:00Z"],
        ["2027-11-07T05:00Z", "2027-11-07T06:00Z", "2027-11-07T07:00Z"]
      ])
    })
  )

  it.effect("SCHED-1 ten tickers together store one job per tick", (queue) =>
    Effect.gen(function* () {
      const name = yield* scheduled(queue, everyMinute)
      const other = yield* scheduled(queue, { cron: "*/2 * * * *" })
      yield* Effect.forEach(Array.from({ length: 10 }), () => startTicker())
      const first = yield* nextWhole(minute)

      for (let tick = 0; tick < 20; tick++) {
        yield* TestClock.setTime(first + tick * minute)
        yield* hasRun(name, tick + 1)
      }
      yield* eventually(Effect.map(record(other), ({ runs }) => runs === 10))

      const stored = yield* idsIn(queue, "pending")
      assert.lengthOf(stored, 30)
      assert.sameMembers(
        stored.filter((id) => id.startsWith(`cron:${name}:`)),
        Array.from({ length: 20 }, (_, i) => `cron:${name}:${first + i * minute}`)
      )
      assert.strictEqual((yield* queue.counters).enqueued, 30)
      assert.deepInclude(yield* standing(name), { runs: 20, skipped: 0 })
    })
  )

  it.effect("SCHED-1 a ticker that ends between any two steps loses and doubles no tick", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyMinute)
      let ticks = 0

      // reading the queues, what is due, the tick, and what is due after it
      for (const call of [0, 1, 2, 3]) {
        for (const when of ["before", "after"] as const) {
          yield* TestClock.setTime((yield* record(name)).next!)
          const { ended, ending } = yield* endingAt(call, when)
          const doomed = yield* Effect.forkScoped(
            Effect.provideService(tickLoop(), ScheduleStore, {
              ...only(ending, queue),
              queues: Effect.andThen(ending.queues, Effect.succeed([queue.name]))
            }),
            { startImmediately: true }
          )
          yield* ended
          doomed.interruptUnsafe()
          const healthy = yield* Effect.forkScoped(
            Effect.provideService(tickLoop(), ScheduleStore, only(store, queue)),
            { startImmediately: true }
          )
          ticks++
          yield* hasRun(name, ticks)
          healthy.interruptUnsafe()
        }
      }

      assert.strictEqual((yield* queue.counters).enqueued, 8)
      assert.lengthOf(yield* idsIn(queue, "pending"), 8)
      assert.deepInclude(yield* standing(name), { runs: 8, skipped: 0 })
    })
  )

  it.effect("SCHED-1 ticks whose replies are lost, and which are sent again, store one job each", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyMinute)
      const resending: Store = {
        ...only(store, queue),
        tick: (tick) => Effect.andThen(store.tick(tick), store.tick(tick))
      }
      const sweep = Effect.gen(function* () {
        // a job that leaves nothing behind, so that its id says nothing any more
        const [claimed] = yield* queue.claim()
        if (claimed !== undefined) yield* queue.settle(complete(claimed))
      })
      yield* Effect.forkScoped(Effect.provideService(tickLoop(), ScheduleStore, resending), { startImmediately: true })

      for (let tick = 1; tick <= 5; tick++) {
        yield* TestClock.setTime((yield* record(name)).next!)
        yield* hasRun(name, tick)
        yield* sweep
      }

      assert.deepInclude(yield* queue.counters, { enqueued: 5, completed: 5 })
    })
  )

  it.effect("SCHED-2 a tick waits for its instant, and its job names it", (queue) =>
    Effect.gen(function* () {
      const name = yield* scheduled(
        queue,
        { cron: "30 * * * * *" },
        { tags: ["eu"], priority: 2, expires: "20 seconds" }
      )
      const { next } = yield* record(name)
      yield* startTicker()
      yield* TestClock.setTime(next! - 1)
      // as long as a tick that came too early would need
      const { runs: early } = yield* Effect.repeat(record(name), { times: 50 })

      yield* TestClock.adjust(1)
      yield* hasRun(name, 1)

      const job = yield* queue.read(`cron:${name}:${next}`)
      assert.strictEqual(early, 0)
      assert.deepStrictEqual(Schedules.tickOf(job), { schedule: name, at: next!, triggered: false })
      assert.deepInclude(job, { kind: Sweep.kind, payload: "{}", priority: 2, expiresAt: next! + 20_000 })
      assert.deepStrictEqual(job.tags, ["eu"])
    })
  )

  it.effect("SCHED-4 late ticks do not move the grid of an interval", (queue) =>
    Effect.gen(function* () {
      const base = yield* nextWhole(hour)
      const name = yield* scheduled(queue, { every: "7 minutes", anchor: base + 1234 })
      yield* startTicker()
      const seen: Array<number> = []

      for (let i = 1; i <= 5; i++) {
        const { next } = yield* record(name)
        seen.push(next!)
        yield* TestClock.setTime(next! + i * 1700)
        yield* hasRun(name, i)
      }

      assert.deepStrictEqual(
        seen.map((tick) => Math.abs(tick - base - 1234) % (7 * minute)),
        [0, 0, 0, 0, 0]
      )
    })
  )

  const policies: ReadonlyArray<readonly [title: string, missed: Missed, ticks: ReadonlyArray<number>]> = [
    ["SCHED-6 missed ticks are skipped when nobody wants them", "skip", []],
    ["SCHED-6 of missed ticks the latest is made up for", "latest", [5]],
    ["SCHED-6 of missed ticks the latest so many are made up for, oldest first", { all: 3 }, [3, 4, 5]]
  ]
  for (const [title, missed, wanted] of policies) {
    it.effect(title, (queue) =>
      Effect.gen(function* () {
        const name = yield* scheduled(queue, { cron: "0 * * * *" }, { missed })
        const first = (yield* record(name)).next!
        yield* TestClock.setTime(first + 5 * hour - 30 * minute)
        yield* startTicker()
        yield* eventually(Effect.map(record(name), ({ next }) => next === first + 5 * hour))
        const made = (yield* record(name)).runs
        yield* TestClock.setTime(first + 5 * hour)
        yield* hasRun(name, wanted.length + 1)

        assert.strictEqual(made, wanted.length)
        assert.deepStrictEqual(
          yield* idsIn(queue, "pending"),
          [...wanted, 6].map((tick) => `cron:${name}:${first + (tick - 1) * hour}`)
        )
        assert.deepInclude(yield* standing(name), { skipped: 5 - wanted.length, next: first + 6 * hour })
      })
    )
  }

  it.effect("SCHED-6 ticks a little late are not missed", (queue) =>
    Effect.gen(function* () {
      const name = yield* scheduled(queue, { cron: "* * * * * *" }, { missed: "skip" })
      const first = (yield* record(name)).next!
      yield* TestClock.setTime(first + 3500)
      yield* startTicker()

      yield* hasRun(name, 4)

      assert.deepInclude(yield* standing(name), { skipped: 0, lastTick: first + 3000 })
    })
  )

  it.effect("SCHED-6 a long absence of a schedule that ticks every second is bounded work", (queue) =>
    Effect.gen(function* () {
      const name = yield* scheduled(queue, { cron: "* * * * * *" }, { missed: "latest" })
      const first = (yield* record(name)).next!
      yield* TestClock.setTime(first + 30 * 24 * hour)
      yield* startTicker()

      // within the tolerance: eleven of them
      yield* hasRun(name, 11)

      assert.deepInclude(yield* standing(name), { skipped: 1000, lastTick: first + 30 * 24 * hour })
    })
  )

  it.effect("SCHED-12 a ticker skips what would overlap, and says so", (queue) =>
    Effect.gen(function* () {
      const logger = listeningLogger()
      const name = yield* scheduled(queue, everyMinute, { overlap: "skip" })
      yield* Effect.provide(Effect.forkScoped(tickLoop(), { startImmediately: true }), logger.layer)
      yield* TestClock.setTime((yield* record(name)).next!)
      yield* hasRun(name, 1)
      yield* TestClock.setTime((yield* record(name)).next!)
      yield* eventually(Effect.map(record(name), ({ skipped }) => skipped === 1))
      const [claimed] = yield* queue.claim()
      yield* queue.settle(complete(claimed!))
      yield* TestClock.setTime((yield* record(name)).next!)
      yield* hasRun(name, 2)

      assert.lengthOf(
        logger.about(name).filter(({ level, message }) => level === "Warn" && message.includes("has not ended")),
        1
      )
    })
  )

  it.effect("SCHED-15 a worker lets schedules tick and runs their jobs", (queue) =>
    Effect.gen(function* () {
      const ran: Array<Schedules.TickOf | undefined> = []
      const name = yield* scheduled(queue, everyMinute)
      const first = (yield* record(name)).next!
      yield* work(queue, Sweep, (_, job) => Effect.sync(() => void ran.push(Schedules.tickOf(job))))

      yield* TestClock.setTime(first)
      yield* hasRun(name, 1)
      yield* eventually(Effect.map(queue.counters, ({ completed }) => completed === 1))

      assert.deepStrictEqual(ran, [{ schedule: name, at: first, triggered: false }])
    })
  )

  it.effect("SCHED-15 a worker that is told not to tick does not", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      let asked = 0
      const counting: Store = {
        ...store,
        queues: Effect.tap(store.queues, () => Effect.sync(() => asked++))
      }
      yield* Effect.provideService(
        work(queue, Echo, () => Effect.succeed(""), { ticks: false }),
        ScheduleStore,
        counting
      )

      yield* TestClock.adjust("1 minute")

      assert.strictEqual(asked, 0)
    })
  )

  it.effect("SCHED-15 an idle ticker asks once in five seconds", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      let asked = 0
      const counting: Store = {
        ...only(store, queue),
        queues: Effect.sync(() => {
          asked++
          return []
        }),
        due: () => Effect.die("no queue has schedules")
      }
      yield* Effect.forkScoped(Effect.provideService(tickLoop(), ScheduleStore, counting), { startImmediately: true })

      yield* TestClock.adjust("59 seconds")

      assert.strictEqual(asked, 12)
    })
  )

  it.effect("SCHED-15 what another process has put is honoured within seconds", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      // what is put elsewhere raises no signal here
      const elsewhere: Store = { ...store, changed: (since) => (since < 0 ? Effect.succeed(0) : Effect.never) }
      yield* Effect.forkScoped(Effect.provideService(tickLoop(), ScheduleStore, elsewhere), { startImmediately: true })
      yield* TestClock.setTime(yield* nextWhole(minute))
      const name = yield* scheduled(queue, { cron: "* * * * * *" })
      const first = (yield* record(name)).next!

      yield* TestClock.adjust("5 seconds")
      yield* eventually(Effect.map(record(name), ({ runs }) => runs > 0))

      assert.include(yield* idsIn(queue, "pending"), `cron:${name}:${first}`)
    })
  )

  it.effect("SCHED-15 a schedule that cannot be read here stays due and holds up no other", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const logger = listeningLogger()
      const [foreign, name] = [yield* scheduleName("foreign"), yield* scheduled(queue, everyMinute)]
      const first = (yield* record(name)).next!
      yield* store.put({ name: foreign, queue: queue.name, definition: `{"v":2}`, next: first })
      let asked = 0
      const counting: Store = {
        ...only(store, queue),
        due: (which, limit) => Effect.tap(store.due(which, limit), () => Effect.sync(() => asked++))
      }
      yield* Effect.provide(
        Effect.forkScoped(Effect.provideService(tickLoop(), ScheduleStore, counting), { startImmediately: true }),
        logger.layer
      )

      for (let tick = 0; tick < 3; tick++) {
        yield* TestClock.setTime(first + tick * minute)
        yield* advanceUntil(Effect.map(record(name), ({ runs }) => runs === tick + 1))
      }

      assert.lengthOf(logger.about(`${foreign} cannot tick here`), 1)
      assert.strictEqual((yield* record(foreign)).next, first)
      // three a second at most, and a few for each tick
      assert.isBelow(asked, 3 * 130 + 30)
    })
  )

  it.effect("SCHED-15 a ticker goes on after an outage, having said so once", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const logger = listeningLogger()
      const name = yield* scheduled(queue, everyMinute)
      let failing = true
      let failures = 0
      const refusal = new StoreError({ operation: "tick", reason: "full", retryable: true, cause: "no memory" })
      const failingStore: Store = {
        ...only(store, queue),
        tick: (tick) =>
          Effect.suspend(() => {
            if (!failing) return store.tick(tick)
            failures++
            return Effect.fail(refusal)
          })
      }
      yield* Effect.provide(
        Effect.forkScoped(Effect.provideService(tickLoop(), ScheduleStore, failingStore), { startImmediately: true }),
        logger.layer
      )
      const first = (yield* record(name)).next!
      yield* TestClock.setTime(first)
      yield* advanceUntil(Effect.map(record(name), () => failures === 3))
      failing = false

      yield* advanceUntil(Effect.map(record(name), ({ runs }) => runs > 0))

      assert.lengthOf(
        logger.about("schedules do not tick").filter(({ level }) => level === "Warn"),
        1
      )
      assert.strictEqual((yield* record(name)).lastTick, first)
    })
  )

  it.effect("SCHED-9 a layer reconciles before anything else, and a ticker layer ticks", (queue) =>
    Effect.gen(function* () {
      const logger = listeningLogger()
      const name = yield* scheduleName("layer")
      yield* Layer.build(
        Layer.merge(
          Schedules.tickerLayer(),
          Schedules.layer({ group: name, entries: [sweepEntry(queue, name, everyMinute)] })
        ).pipe(Layer.provide(logger.layer))
      )
      yield* TestClock.setTime((yield* record(name)).next!)
      yield* hasRun(name, 1)

      const again = Schedules.layer({ group: name, entries: [sweepEntry(queue, name, { cron: "0 0 30 2 *" })] })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(again)))

      assert.deepStrictEqual(
        logger.about(`schedules of group ${name}`).map(({ message }) => message),
        [`schedules of group ${name}: 1 added, 0 changed, 0 removed, 0 as before`]
      )
      assert.strictEqual(error._tag, "InvalidInput")
    })
  )
})
