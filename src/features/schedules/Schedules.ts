import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Cron from "../../domain/Cron.ts"
import type { EpochMillis } from "../../domain/Job.ts"
import type { InvalidInput } from "../../domain/limits.ts"
import { scheduleHeader, tickHeader, tickJobId, triggeredHeader, triggeredJobId } from "../../domain/Schedule.ts"
import type { AnyTask } from "../../domain/Task.ts"
import { JobIds } from "../../ports/JobIds.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { ScheduleStore } from "../../ports/ScheduleStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import type { InvalidPayload, PayloadTooLarge } from "../client/Client.ts"
import { restarted } from "../loops/Loops.ts"
import { type Entry, type EntryOptions, plan } from "./Entry.ts"
import { ScheduleExists, ScheduleMissing, ScheduleUnreadable } from "./errors.ts"
import { put, type Put } from "./put.ts"
import { type Declaration, type Difference, reconcile as reconcileAll } from "./reconcile.ts"
import { jobOf, type TickerOptions, tickLoop } from "./Ticker.ts"
import { listed, read, type ScheduleView, view } from "./view.ts"

export type { PlainWhen, When } from "../../domain/Cron.ts"
export type { Missed, Overlap } from "../../domain/Schedule.ts"
export { scheduleHeader, tickHeader, triggeredHeader } from "../../domain/Schedule.ts"
export type { Entry, EntryChoices, EntryOptions } from "./Entry.ts"
export { ScheduleExists, ScheduleMissing, ScheduleUnreadable } from "./errors.ts"
export type { Put } from "./put.ts"
export type { Declaration, Difference } from "./reconcile.ts"
export type { TickerOptions } from "./Ticker.ts"
export type { ScheduleView } from "./view.ts"

/** What is wrong with an entry, or with the store. */
export type PutError = InvalidInput | InvalidPayload | PayloadTooLarge | StoreError

/** What a job of a schedule stands for. */
export interface TickOf {
  readonly schedule: string
  /** The instant of its tick, or when it was triggered; the job may start later. */
  readonly at: EpochMillis
  readonly triggered: boolean
}

/**
 * Declares a schedule. Nothing happens until it is put into force, by `layer`, `reconcile`, `add` or `upsert`, which
 * check it.
 *
 * **Shape** `Schedules.entry("nightly", Report, { cron: "0 2 * * *", timezone: "Europe/Berlin", payload: { full: true } })`.
 * An entry without a payload compiles only when the task's payload may be empty.
 * **Example** examples/cron.ts
 * **Ref** docs/guides/schedules.md
 * @category schedules
 * @since 0.1.0
 */
export const entry = <T extends AnyTask>(name: string, task: T, options: EntryOptions<T>): Entry => ({
  name,
  task,
  options
})

/**
 * Makes the stored schedules of a group those that are declared: adds, changes and removes. All are checked before
 * anything is written.
 *
 * **Shape** What was done, by name. A schedule whose timing stays keeps its next tick; pause and counters always stay.
 * With `dryRun`, nothing is written, and the answer is what would be done.
 * **Errors** `InvalidInput` names the entry and what is wrong with it. `StoreError`: what was done stays done.
 * **Ref** docs/semantics.md SCHED-9, SCHED-10
 * @category schedules
 * @since 0.1.0
 */
export const reconcile = (
  declaration: Declaration,
  options: { readonly dryRun?: boolean } = {}
): Effect.Effect<Difference, PutError, ScheduleStore> => reconcileAll(declaration, options.dryRun ?? false)

/**
 * Reconciles what code declares when the program starts, and logs what that changed. Workers do the rest.
 *
 * **Shape** `Schedules.layer({ group: "reports", entries: [...] })`, beside the worker's layer.
 * **Errors** as `reconcile`: a program with an impossible expression does not start.
 * **Example** examples/cron.ts
 * @category layers
 * @since 0.1.0
 */
export const layer = (declaration: Declaration): Layer.Layer<never, PutError, ScheduleStore> =>
  Layer.effectDiscard(
    Effect.flatMap(reconcile(declaration), ({ added, changed, removed, unchanged }) =>
      Effect.logInfo(
        `schedules of group ${declaration.group ?? "default"}: ${added.length} added, ${changed.length} changed, ${removed.length} removed, ${unchanged.length} as before`
      )
    )
  )

/**
 * Lets schedules tick in a process without a worker. Every worker does that by itself.
 *
 * **Ref** docs/semantics.md SCHED-1..6
 * @category layers
 * @since 0.1.0
 */
export const tickerLayer = (options: TickerOptions = {}): Layer.Layer<never, never, ScheduleStore> =>
  Layer.effectDiscard(Effect.forkScoped(restarted("ticker", tickLoop(options))))

/**
 * Adds a schedule of no group, such as one that a user has made. No deploy removes it.
 *
 * **Errors** `ScheduleExists` when there is one of this name.
 * @category schedules
 * @since 0.1.0
 */
export const add = Effect.fn("Schedules.add")(function* (given: Entry) {
  const store = yield* ScheduleStore
  const done = yield* put(store, yield* plan(given, undefined), true)
  if (done === "unchanged") return yield* Effect.fail(new ScheduleExists({ schedule: given.name }))
})

/**
 * Adds a schedule of no group, or makes the one of this name what the entry says.
 * @category schedules
 * @since 0.1.0
 */
export const upsert = (given: Entry): Effect.Effect<Put, PutError, ScheduleStore> =>
  ScheduleStore.use((store) => Effect.flatMap(plan(given, undefined), (planned) => put(store, planned)))

/**
 * Removes a schedule; answers whether it was there. Its jobs stay. One that is still declared comes back with the next
 * start of a program that declares it.
 * @category schedules
 * @since 0.1.0
 */
export const remove = (name: string): Effect.Effect<boolean, StoreError, ScheduleStore> =>
  ScheduleStore.use((store) => store.remove(name))

const missing = (name: string) => Effect.fail(new ScheduleMissing({ schedule: name }))

/**
 * Stops a schedule from ticking; answers whether it was ticking. Deploys leave it paused.
 *
 * **Ref** docs/semantics.md SCHED-7
 * @category schedules
 * @since 0.1.0
 */
export const pause = Effect.fn("Schedules.pause")(function* (name: string) {
  const store = yield* ScheduleStore
  let tried = false
  while (true) {
    const record = Option.getOrUndefined((yield* store.find(name)).schedule)
    if (record === undefined) return yield* missing(name)
    if (record.paused) return tried
    tried = true
    const { definition, queue, version } = record
    if (yield* store.put({ name, queue, version, definition, paused: true, next: "none" })) return true
  }
})

/**
 * Lets a schedule tick again, from now on: ticks during the pause are not missed ones. Answers whether it was paused.
 *
 * **Ref** docs/semantics.md SCHED-7
 * @category schedules
 * @since 0.1.0
 */
export const resume = Effect.fn("Schedules.resume")(function* (name: string) {
  const store = yield* ScheduleStore
  let tried = false
  while (true) {
    const { now, schedule } = yield* store.find(name)
    const record = Option.getOrUndefined(schedule)
    if (record === undefined) return yield* missing(name)
    if (!record.paused) return tried
    tried = true
    const { timing } = yield* read(record)
    const { definition, queue, version } = record
    const next = Cron.next(timing, now) ?? "none"
    if (yield* store.put({ name, queue, version, definition, paused: false, next })) return true
  }
})

/**
 * Stores a job of a schedule now, paused or not; answers which. Its ticks stay where they are.
 *
 * **Ref** docs/semantics.md SCHED-8
 * @category schedules
 * @since 0.1.0
 */
export const trigger = Effect.fn("Schedules.trigger")(function* (name: string) {
  const store = yield* ScheduleStore
  const id = triggeredJobId(name, yield* (yield* JobIds).next)
  while (true) {
    const { now, schedule } = yield* store.find(name)
    const record = Option.getOrUndefined(schedule)
    if (record === undefined) return yield* missing(name)
    const { definition } = yield* read(record)
    const { queue, version } = record
    const job = jobOf(name, definition, id, now, true)
    if (yield* store.trigger({ queue, name, version, job })) return { id, queue }
  }
})

/** What a backfill did, or would do: the ticks looked at, and those whose job was stored now. */
export interface Backfill {
  readonly ticks: ReadonlyArray<EpochMillis>
  /** Fewer when the job of a tick is stored already. */
  readonly stored: number
}

/**
 * Stores the jobs of ticks in the past that left none, such as those of a pause or of an outage.
 *
 * **Shape** Ticks after `from` up to `to`, oldest first, at most `limit`. Their jobs have the ids of their ticks, so one
 * whose job is still stored gets no second one. The schedule's own ticks and counters stay. With `dryRun` nothing is stored.
 * **Units** epoch milliseconds; `limit` from 1 to 1000, 1000 when left out.
 * **Errors** `ScheduleMissing`, `ScheduleUnreadable`, `StoreError`: what was stored stays; repeat the call.
 * **Ref** docs/semantics.md SCHED-17
 * @category schedules
 * @since 0.1.0
 */
export const backfill = Effect.fn("Schedules.backfill")(function* (
  name: string,
  options: {
    readonly from: Date | EpochMillis
    readonly to: Date | EpochMillis
    readonly limit?: number
    readonly dryRun?: boolean
  }
) {
  const store = yield* ScheduleStore
  const jobs = yield* JobStore
  const { now, schedule } = yield* store.find(name)
  const record = Option.getOrUndefined(schedule)
  if (record === undefined) return yield* missing(name)
  const { definition, timing } = yield* read(record)
  const until = Math.min(Number(options.to), now)
  const ticks = Cron.ticksBetween(timing, Number(options.from), until, within(options.limit ?? 1000))
  if ((options.dryRun ?? false) || ticks.length === 0) return { ticks, stored: 0 } satisfies Backfill
  const outcomes = yield* jobs.enqueue(
    record.queue,
    ticks.map((tick) => jobOf(name, definition, tickJobId(name, tick), tick, false))
  )
  return { ticks, stored: outcomes.filter(({ _tag }) => _tag === "Enqueued").length } satisfies Backfill
})

/**
 * The schedule of a name.
 * @category schedules
 * @since 0.1.0
 */
export const get = (
  name: string
): Effect.Effect<Option.Option<ScheduleView>, ScheduleUnreadable | StoreError, ScheduleStore> =>
  ScheduleStore.use((store) =>
    Effect.flatMap(store.find(name), ({ schedule }) =>
      Option.match(schedule, {
        onNone: () => Effect.succeed(Option.none()),
        onSome: (record) => Effect.map(view(record), Option.some)
      })
    )
  )

/**
 * Every schedule, or those of a queue or a group, by name. One that cannot be read here is left out, with a warning.
 * @category schedules
 * @since 0.1.0
 */
export const list = Effect.fn("Schedules.list")(function* (
  filter: { readonly queue?: string; readonly group?: string } = {}
) {
  const { schedules, unreadable } = yield* listed(filter)
  for (const { name, problem } of unreadable) {
    yield* Effect.logWarning(new ScheduleUnreadable({ schedule: name, problem }).message)
  }
  return schedules
})

const within = (count: number): number => Math.min(1000, Math.max(1, Math.floor(count)))

/**
 * The next ticks of a schedule, soonest first; none while it is paused.
 *
 * **Units** epoch milliseconds; `count` from 1 to 1000, 5 when left out.
 * @category schedules
 * @since 0.1.0
 */
export const next = Effect.fn("Schedules.next")(function* (name: string, count: number = 5) {
  const store = yield* ScheduleStore
  const record = Option.getOrUndefined((yield* store.find(name)).schedule)
  if (record === undefined) return yield* missing(name)
  if (record.next === undefined) return [] as ReadonlyArray<EpochMillis>
  const { timing } = yield* read(record)
  return Cron.ticksBetween(timing, record.next - 1, Number.POSITIVE_INFINITY, within(count))
})

/**
 * The ticks that a timing has after an instant, for showing what it means before a schedule is made of it. `name` is
 * that of the schedule, which `H` depends on.
 *
 * **Errors** `InvalidInput` for a bad timing.
 * @category schedules
 * @since 0.1.0
 */
export const preview = (
  when: Cron.When,
  options: { readonly after: Date | EpochMillis; readonly count?: number; readonly name?: string }
): Effect.Effect<ReadonlyArray<EpochMillis>, InvalidInput> =>
  Effect.map(Effect.fromResult(Cron.parse(when, options.name)), (timing) =>
    Cron.ticksBetween(timing, Number(options.after), Number.POSITIVE_INFINITY, within(options.count ?? 5))
  )

/**
 * What a job stands for when a schedule made it; nothing otherwise.
 *
 * **Shape** `Worker.handler(Report, (payload, job) => ... Schedules.tickOf(job)?.at ...)`
 * @category schedules
 * @since 0.1.0
 */
export const tickOf = (job: { readonly headers: Readonly<Record<string, string>> }): TickOf | undefined => {
  const schedule = job.headers[scheduleHeader]
  return schedule === undefined
    ? undefined
    : { schedule, at: Number(job.headers[tickHeader]), triggered: job.headers[triggeredHeader] === "1" }
}
