import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Task from "../../domain/Task.ts"
import type { JobId, JobState } from "../../domain/Job.ts"
import * as Schedules from "../../features/schedules/Schedules.ts"
import { tickLoop } from "../../features/schedules/Ticker.ts"
import { type ScheduleRecord, ScheduleStore, type Tick } from "../../ports/ScheduleStore.ts"
import { job } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"
import { eventually } from "./worker-support.ts"

export const minute = 60_000
export const hour = 60 * minute

export class Report extends Task.make("contract.report", {
  payload: { full: Schema.Boolean },
  retention: "1 day",
  maxAttempts: 3
}) {}

export class Sweep extends Task.make("contract.sweep", { payload: {} }) {}

/** A name of a test's own: backends keep schedules across tests, and tick those that are left. */
export const scheduleName = (name: string) =>
  Effect.tap(
    Effect.sync(() => `${name}.${randomUUID().slice(0, 8)}`),
    (own) => Effect.addFinalizer(() => Effect.ignore(Effect.flatMap(ScheduleStore, (store) => store.remove(own))))
  )

type Choices = Partial<Schedules.EntryChoices>

/** An entry of `Sweep` in the test's queue. */
export const sweepEntry = (queue: TestQueue, name: string, when: Schedules.When, choices: Choices = {}) =>
  Schedules.entry(name, Sweep, { queue: queue.name, ...when, ...choices })

/** Puts such an entry into force; answers its name. */
export const scheduled = Effect.fnUntraced(function* (queue: TestQueue, when: Schedules.When, choices: Choices = {}) {
  const name = yield* scheduleName("sweep")
  yield* Schedules.add(sweepEntry(queue, name, when, choices))
  return name
})

export const record = Effect.fnUntraced(function* (name: string) {
  const store = yield* ScheduleStore
  return Option.getOrThrow((yield* store.find(name)).schedule)
})

/** A ticker until it is ended or the test is over. */
export const startTicker = (options: Schedules.TickerOptions = { reread: "1 second" }) =>
  Effect.map(Effect.forkScoped(tickLoop(options), { startImmediately: true }), (fiber) => ({
    stop: Fiber.interrupt(fiber)
  }))

export const hasRun = (name: string, times: number) =>
  eventually(Effect.map(record(name), ({ runs }) => runs === times))

/** What a schedule has counted, and when it goes on. */
export const standing = (name: string) =>
  Effect.map(record(name), ({ lastTick, next, paused, runs, skipped }): Readonly<Record<string, unknown>> => ({
    ...{ lastTick, next, paused, runs, skipped }
  }))

/** Ids of all jobs of a queue that are in a state. */
export const idsIn = (queue: TestQueue, state: JobState) => queue.listFrom(state, 100)

/** The first instant of the next whole `size`, and the clock now. */
export const nextWhole = (size: number) =>
  Effect.map(Clock.currentTimeMillis, (now) => (Math.floor(now / size) + 1) * size)

/** A tick call for what a schedule expects, as a ticker would make it. */
export const tickOf = (
  { name, next, queue, version }: ScheduleRecord,
  options: Partial<Tick> & { readonly id?: JobId } = {}
): Tick => {
  const { id = `cron:${name}:${next}`, ...rest } = options
  return {
    ...{ queue, name, version, expected: next!, next: next! + hour, skipped: 0, overlap: "allow" },
    fire: { tick: next!, job: job(id, { retainMillis: hour }) },
    ...rest
  }
}

/** The instants that a schedule's jobs stand for, soonest first. */
export const ticksOf = (name: string, jobIds: ReadonlyArray<JobId>) =>
  jobIds
    .filter((id) => id.startsWith(`cron:${name}:`))
    .map((id) => new Date(Number(id.slice(`cron:${name}:`.length))).toISOString().replace(":00.000Z", "Z"))
    .toSorted()
