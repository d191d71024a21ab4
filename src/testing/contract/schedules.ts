import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import type { Missed } from "../../domain/Schedule.ts"
import * as Schedules from "../../features/schedules/Schedules.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { type PutSchedule, ScheduleStore, type TickOutcome } from "../../ports/ScheduleStore.ts"
import { contract } from "./contract.ts"
import {
  hour,
  idsIn,
  minute,
  nextWhole,
  record,
  Report,
  scheduled,
  scheduleName,
  standing,
  sweepEntry,
  tickOf
} from "./schedules-support.ts"
import { complete } from "./support.ts"

const everyHour: Schedules.When = { every: "1 hour" }

const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error as E & { readonly field?: string; readonly _tag: string })

const count = (outcomes: ReadonlyArray<TickOutcome>, wanted: TickOutcome) =>
  outcomes.filter((outcome) => outcome === wanted).length

export const schedulesContract = contract("schedules", (it) => {
  it.effect("SCHED-1 of ten equal tick calls at once one stores the job", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour)
      yield* TestClock.adjust("1 hour")
      const tick = tickOf(yield* record(name))

      const outcomes = yield* Effect.all(
        Array.from({ length: 10 }, () => store.tick(tick)),
        { concurrency: "unbounded" }
      )

      assert.deepStrictEqual([count(outcomes, "fired"), count(outcomes, "moved")], [1, 9])
      assert.deepStrictEqual(yield* idsIn(queue, "pending"), [`cron:${name}:${tick.expected}`])
      assert.deepInclude(yield* standing(name), { runs: 1, skipped: 0, lastTick: tick.expected, next: tick.next })
    })
  )

  it.effect("SCHED-5 a repeated tick stores nothing, also when its job has ended without a trace", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour)
      yield* TestClock.adjust("1 hour")
      const tick = tickOf(yield* record(name))
      yield* store.tick({ ...tick, fire: { ...tick.fire!, job: { ...tick.fire!.job, retainMillis: 0 } } })
      yield* queue.settle(complete(yield* queue.claimOne()))
      const before = yield* record(name)

      const again = yield* store.tick(tick)

      assert.strictEqual(again, "moved")
      assert.deepStrictEqual(yield* record(name), before)
      assert.strictEqual((yield* queue.counters).enqueued, 1)
    })
  )

  it.effect("SCHED-5 a tick for another version, another tick, or too early changes nothing", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour)
      const early = yield* store.tick(tickOf(yield* record(name)))
      yield* TestClock.adjust("1 hour")
      const before = yield* record(name)

      const outcomes = [
        early,
        yield* store.tick(tickOf(before, { version: before.version + 1 })),
        yield* store.tick(tickOf(before, { expected: before.next! - hour })),
        yield* store.tick(tickOf({ ...before, name: `${name}.other` }))
      ]

      assert.deepStrictEqual(outcomes, ["moved", "moved", "moved", "moved"])
      assert.deepStrictEqual(yield* record(name), before)
      assert.strictEqual((yield* queue.counters).enqueued, 0)
    })
  )

  it.effect("SCHED-5 a schedule removed and added again refuses ticks of the first", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour)
      const first = yield* record(name)
      yield* Schedules.remove(name)
      yield* Schedules.add(sweepEntry(queue, name, everyHour))
      yield* TestClock.adjust("1 hour")

      const outcome = yield* store.tick(tickOf(first))

      assert.strictEqual(outcome, "moved")
      assert.strictEqual((yield* record(name)).next, first.next)
    })
  )

  it.effect("SCHED-12 a tick is skipped while the job of the latest has not ended", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour, { overlap: "skip" })
      const outcomes: Array<TickOutcome> = []
      const tick = Effect.gen(function* () {
        yield* TestClock.adjust("1 hour")
        outcomes.push(yield* store.tick(tickOf(yield* record(name), { overlap: "skip" })))
      })

      yield* tick
      yield* tick
      const claimed = yield* queue.claimOne({ leaseMillis: 10 * hour })
      yield* tick
      yield* queue.settle(complete(claimed))
      yield* tick

      assert.deepStrictEqual(outcomes, ["fired", "overlap", "overlap", "fired"])
      assert.deepInclude(yield* standing(name), { runs: 2, skipped: 2 })
    })
  )

  it.effect("SCHED-12 a job triggered by hand holds up ticks as well, unless overlap is allowed", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour)
      yield* Schedules.trigger(name)
      yield* TestClock.adjust("1 hour")
      const skipping = yield* store.tick(tickOf(yield* record(name), { overlap: "skip" }))
      yield* TestClock.adjust("1 hour")

      const allowing = yield* store.tick(tickOf(yield* record(name)))

      assert.deepStrictEqual([skipping, allowing], ["overlap", "fired"])
    })
  )

  it.effect("SCHED-7 a paused schedule is not due, and goes on after now when resumed", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour)
      const pending = tickOf(yield* record(name))
      const answers = [yield* Schedules.pause(name), yield* Schedules.pause(name)]
      yield* TestClock.adjust("5 hours")
      const { due } = yield* store.due(queue.name, 10)
      const ticked = yield* store.tick(pending)
      const paused = yield* standing(name)

      answers.push(yield* Schedules.resume(name), yield* Schedules.resume(name))

      assert.deepStrictEqual(answers, [true, false, true, false])
      assert.deepStrictEqual([due.length, ticked], [0, "moved"])
      assert.deepInclude(paused, { next: undefined, paused: true })
      assert.deepInclude(yield* standing(name), {
        ...{ next: yield* nextWhole(hour), paused: false, runs: 0, skipped: 0 }
      })
    })
  )

  it.effect("SCHED-8 triggering stores a job of its own and moves no tick", (queue) =>
    Effect.gen(function* () {
      const name = yield* scheduled(queue, everyHour)
      const { next } = yield* record(name)
      const one = yield* Schedules.trigger(name)
      yield* Schedules.pause(name)
      const two = yield* Schedules.trigger(name)
      yield* Schedules.resume(name)

      const jobs = yield* Effect.all([queue.read(one.id), queue.read(two.id)])

      assert.notStrictEqual(one.id, two.id)
      assert.deepStrictEqual(
        jobs.map((job) => [job.kind, Schedules.tickOf(job)?.schedule, Schedules.tickOf(job)?.triggered]),
        [
          ["contract.sweep", name, true],
          ["contract.sweep", name, true]
        ]
      )
      assert.deepInclude(yield* record(name), { next: next!, runs: 0, triggeredJobId: two.id })
    })
  )

  it.effect("SCHED-8 the same id triggered again stores nothing", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour)
      const { version } = yield* record(name)
      const { job } = tickOf(yield* record(name), { id: "by-hand" }).fire!
      const request = { queue: queue.name, name, version, job: { ...job, retainMillis: 0 } }
      const first = yield* store.trigger(request)
      yield* queue.settle(complete(yield* queue.claimOne()))

      const again = yield* store.trigger(request)
      const other = yield* store.trigger({ ...request, version: version + 1 })

      assert.deepStrictEqual([first, again, other], [true, true, false])
      assert.strictEqual((yield* queue.counters).enqueued, 1)
    })
  )

  it.effect("SCHED-8 triggering what is not there fails", () =>
    Effect.gen(function* () {
      const errors = yield* Effect.forEach(
        [
          Schedules.trigger("nowhere"),
          Schedules.pause("nowhere"),
          Schedules.resume("nowhere"),
          Schedules.next("nowhere")
        ],
        (effect) => Effect.flip(effect as Effect.Effect<unknown, { readonly _tag: string }, ScheduleStore>)
      )

      assert.deepStrictEqual(
        errors.map(({ _tag }) => _tag),
        ["ScheduleMissing", "ScheduleMissing", "ScheduleMissing", "ScheduleMissing"]
      )
    })
  )

  it.effect("SCHED-9 reconciling adds, changes and removes what a group declares", (queue) =>
    Effect.gen(function* () {
      const [a, b, c, d] = yield* Effect.all([
        scheduleName("a"),
        scheduleName("b"),
        scheduleName("c"),
        scheduleName("d")
      ])
      const group = a
      const entry = (name: string, choices: Schedules.EntryChoices = {}) => sweepEntry(queue, name, everyHour, choices)
      const first = yield* Schedules.reconcile({ group, entries: [entry(a), entry(b), entry(c)] })

      const entries = [entry(a), entry(b, { priority: 1 }), entry(d)]
      const would = yield* Schedules.reconcile({ group, entries }, { dryRun: true })
      const namesAfterDryRun = (yield* Schedules.list({ queue: queue.name })).map(({ name }) => name)
      const second = yield* Schedules.reconcile({ group, entries })
      const third = yield* Schedules.reconcile({ group, entries })

      assert.deepStrictEqual(first, { added: [a, b, c], changed: [], unchanged: [], removed: [] })
      assert.deepStrictEqual(would, { added: [d], changed: [b], unchanged: [a], removed: [c] })
      assert.deepStrictEqual(namesAfterDryRun, [a, b, c])
      assert.deepStrictEqual(second, would)
      assert.deepStrictEqual(third, { added: [], changed: [], unchanged: [a, b, d], removed: [] })
      const listed = yield* Schedules.list({ queue: queue.name, group })
      assert.deepStrictEqual(
        listed.map(({ name, priority }) => [name, priority]),
        [
          [a, 5],
          [b, 1],
          [d, 5]
        ]
      )
    })
  )

  it.effect("SCHED-9 other groups and schedules of none stay, unless they are declared", (queue) =>
    Effect.gen(function* () {
      const [own, other, dynamic] = yield* Effect.all([
        scheduleName("own"),
        scheduleName("other"),
        scheduleName("none")
      ])
      const entry = (name: string) => sweepEntry(queue, name, everyHour)
      yield* Schedules.reconcile({ group: other, entries: [entry(other)] })
      yield* Schedules.add(entry(dynamic))
      yield* Schedules.reconcile({ group: own, entries: [entry(own)] })

      const emptied = yield* Schedules.reconcile({ group: own, entries: [] })
      const taken = yield* Schedules.reconcile({ group: own, entries: [entry(dynamic)] })

      assert.deepStrictEqual([emptied.removed, taken.changed], [[own], [dynamic]])
      const listed = yield* Schedules.list({ queue: queue.name })
      assert.deepStrictEqual(
        listed.map(({ group, name }) => [name, group]),
        [
          [dynamic, own],
          [other, other]
        ]
      )
    })
  )

  it.effect("SCHED-10 a change keeps the next tick, the pause and the counters", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour)
      yield* TestClock.adjust("1 hour")
      yield* store.tick(tickOf(yield* record(name), { skipped: 2 }))
      yield* TestClock.adjust("90 minutes")
      const before = yield* standing(name)

      yield* Schedules.upsert(sweepEntry(queue, name, everyHour, { priority: 1 }))
      const afterPriority = yield* standing(name)
      yield* Schedules.upsert(sweepEntry(queue, name, { every: "1 minute" }, { priority: 1 }))
      const afterTiming = yield* standing(name)
      yield* Schedules.pause(name)
      yield* Schedules.upsert(sweepEntry(queue, name, everyHour))
      const whilePaused = yield* standing(name)

      assert.deepStrictEqual(afterPriority, before)
      assert.deepStrictEqual(afterTiming, { ...before, next: yield* nextWhole(minute) })
      assert.deepStrictEqual(whilePaused, { ...before, next: undefined, paused: true })
    })
  )

  it.effect("SCHED-11 an impossible declaration is refused as a whole", (queue) =>
    Effect.gen(function* () {
      const name = yield* scheduleName("bad")
      const good = sweepEntry(queue, yield* scheduleName("good"), everyHour)
      const bad: ReadonlyArray<readonly [field: string, when: Schedules.When, choices?: Schedules.EntryChoices]> = [
        ["cron", { cron: "0 0 30 2 *" }],
        ["cron", { cron: "0 0 0 31 4,6,9,11 *" }],
        ["cron", { cron: "61 * * * *" }],
        ["cron", { cron: "* * *" }],
        ["cron", { cron: "@sometimes" }],
        ["cron", { cron: "" }],
        ["timezone", { cron: "@daily", timezone: "Europe/Atlantis" }],
        ["every", { every: 0 }],
        ["every", { every: "999 millis" }],
        ["anchor", { every: "1 hour", anchor: Number.NaN }],
        ["every", { every: "1 hour", cron: "@daily" } as unknown as Schedules.When],
        ["missed", everyHour, { missed: { all: 0 } }],
        ["missed", everyHour, { missed: "often" as Missed }],
        ["overlap", everyHour, { overlap: "maybe" as "skip" }],
        ["queue", everyHour, { queue: "no queue" }],
        ["priority", everyHour, { priority: 0.5 }],
        ["tags", everyHour, { tags: [""] }]
      ]

      const errors = yield* Effect.forEach(bad, ([, when, choices]) =>
        failure(Schedules.reconcile({ group: name, entries: [good, sweepEntry(queue, name, when, choices)] }))
      )
      const badName = yield* failure(Schedules.add(sweepEntry(queue, "no name", everyHour)))
      const twice = yield* failure(Schedules.reconcile({ group: name, entries: [good, good] }))

      assert.deepStrictEqual(
        errors.map(({ _tag, field }) => [_tag, field]),
        bad.map(([field]) => ["InvalidInput", `schedule ${name}: ${field}`])
      )
      assert.deepStrictEqual([badName._tag, twice._tag], ["InvalidInput", "InvalidInput"])
      assert.deepStrictEqual(yield* Schedules.list({ queue: queue.name }), [])
    })
  )

  it.effect("SCHED-11 a payload that does not fit is refused", (queue) =>
    Effect.gen(function* () {
      const name = yield* scheduleName("bad")
      const payload = { full: "yes" as unknown as boolean }
      const entry = Schedules.entry(name, Report, { queue: queue.name, cron: "@daily", payload })

      const error = yield* failure(Schedules.add(entry))

      assert.strictEqual(error._tag, "InvalidPayload")
      assert.isTrue(Option.isNone(yield* Schedules.get(name)))
    })
  )

  it.effect("SCHED-13 a name put into another queue leaves the first", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour)
      yield* Schedules.pause(name)
      const stale = yield* record(name)

      const put = yield* Schedules.upsert(sweepEntry(queue.sibling, name, everyHour))
      const stalePut = yield* store.put({ ...stale, paused: false, next: 1 })

      assert.deepStrictEqual([put, stalePut], ["changed", false])
      assert.deepInclude(yield* record(name), { queue: queue.sibling.name, paused: true })
      assert.lengthOf((yield* store.list(queue.name)).schedules, 0)
    })
  )

  it.effect("SCHED-13 of many puts at once into two queues one schedule remains", (queue) =>
    Effect.gen(function* () {
      const name = yield* scheduleName("moving")
      const entries = [queue, queue.sibling].map((target) => sweepEntry(target, name, everyHour))

      yield* Effect.forEach(
        Array.from({ length: 12 }, (_, i) => entries[i % 2]!),
        Schedules.upsert,
        { concurrency: "unbounded" }
      )

      const stored = yield* Effect.forEach([queue, queue.sibling], (target) => Schedules.list({ queue: target.name }))
      assert.lengthOf(stored.flat(), 1)
      assert.strictEqual((yield* record(name)).queue, stored.flat()[0]!.queue)
    })
  )

  it.effect("SCHED-14 a schedule tells what it is and when it ticks", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      const name = yield* scheduleName("report")
      yield* Schedules.add(
        Schedules.entry(name, Report, {
          queue: queue.name,
          ...{ cron: "0 */2 * * *", timezone: "Asia/Kolkata", tags: ["eu"], payload: { full: true } }
        })
      )

      const view = Option.getOrThrow(yield* Schedules.get(name))
      const ticks = yield* Schedules.next(name, 3)
      yield* Schedules.pause(name)
      const whilePaused = yield* Schedules.next(name, 3)

      assert.deepInclude(view, {
        ...{ name, queue: queue.name, kind: "contract.report", payload: `{"full":true}`, maxAttempts: 3, priority: 5 },
        when: { cron: "0 */2 * * *", timezone: "Asia/Kolkata" },
        ...{ missed: "latest", overlap: "allow", tags: ["eu"], paused: false, runs: 0, skipped: 0, next: ticks[0]! }
      })
      assert.deepStrictEqual(
        ticks.map((tick) => tick - ticks[0]!),
        [0, 2 * hour, 4 * hour]
      )
      // half an hour off the hours of UTC
      assert.strictEqual(ticks[0]! % hour, hour / 2)
      assert.deepStrictEqual(whilePaused, [])
      assert.include(yield* control.queues, queue.name)
    })
  )

  it.effect("SCHED-14 many schedules are all listed", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const prefix = yield* scheduleName("many")
      const names = Array.from({ length: 450 }, (_, i) => `${prefix}.${String(i).padStart(3, "0")}`)
      yield* Effect.forEach(names, (name) => Schedules.add(sweepEntry(queue, name, everyHour)), { concurrency: 16 })

      const listed = yield* Schedules.list({ queue: queue.name })
      const all = yield* Schedules.list()
      yield* Effect.forEach(names, (name) => store.remove(name), { concurrency: 16 })

      assert.deepStrictEqual(
        listed.map(({ name }) => name),
        names
      )
      assert.includeMembers(
        all.map(({ name }) => name),
        names
      )
      assert.deepStrictEqual(yield* Schedules.list({ queue: queue.name }), [])
    })
  )

  it.effect("SCHED-16 adding a name that is taken fails and changes nothing", (queue) =>
    Effect.gen(function* () {
      const name = yield* scheduled(queue, everyHour)
      const before = yield* record(name)

      const error = yield* failure(Schedules.add(sweepEntry(queue, name, { every: "1 minute" })))

      assert.strictEqual(error._tag, "ScheduleExists")
      assert.deepStrictEqual(yield* record(name), before)
    })
  )

  it.effect("SCHED-16 adding, pausing and resuming are found done when they are sent again", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const resending = { ...store, put: (put: PutSchedule) => Effect.andThen(store.put(put), store.put(put)) }
      const name = yield* scheduleName("again")
      const entry = sweepEntry(queue, name, everyHour)

      const done = yield* Effect.gen(function* () {
        yield* Schedules.add(entry)
        const paused = yield* Schedules.pause(name)
        const resumed = yield* Schedules.resume(name)
        const changed = yield* Schedules.upsert(sweepEntry(queue, name, everyHour, { priority: 1 }))
        return [paused, resumed, changed]
      }).pipe(Effect.provideService(ScheduleStore, resending))

      assert.deepStrictEqual(done, [true, true, "changed"])
      assert.deepInclude(yield* standing(name), { paused: false, next: yield* nextWhole(hour) })
    })
  )

  it.effect("SCHED-16 a removed schedule ticks no more, and its jobs stay", (queue) =>
    Effect.gen(function* () {
      const store = yield* ScheduleStore
      const name = yield* scheduled(queue, everyHour)
      yield* TestClock.adjust("1 hour")
      yield* store.tick(tickOf(yield* record(name)))
      const next = tickOf(yield* record(name))

      const removed = [yield* Schedules.remove(name), yield* Schedules.remove(name)]
      yield* TestClock.adjust("1 hour")
      const ticked = yield* store.tick(next)

      assert.deepStrictEqual([removed, ticked], [[true, false], "moved"])
      assert.deepStrictEqual((yield* store.due(queue.name, 10)).due, [])
      assert.lengthOf(yield* idsIn(queue, "pending"), 1)
    })
  )
})
