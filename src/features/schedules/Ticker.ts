import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Cron from "../../domain/Cron.ts"
import { durationMillis, type InvalidInput } from "../../domain/limits.ts"
import type { EpochMillis, JobId } from "../../domain/Job.ts"
import {
  decodeDefinition,
  type Definition,
  scheduleHeader,
  step,
  tickHeader,
  tickJobId,
  triggeredHeader
} from "../../domain/Schedule.ts"
import type { NewJob } from "../../ports/JobStore.ts"
import { type ScheduleRecord, ScheduleStore } from "../../ports/ScheduleStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { Waiting } from "../../ports/Waiting.ts"

/** How a ticker looks for schedules that other processes have put. */
export interface TickerOptions {
  /** How long such a schedule may go unnoticed; 5 seconds when left out. */
  readonly reread?: Duration.Input
}

/** Refuses what is no time to look after. **Errors** `InvalidInput` */
export const checkTicks = (ticks: boolean | TickerOptions): Result.Result<unknown, InvalidInput> =>
  typeof ticks === "boolean" || ticks.reread === undefined
    ? Result.succeed(undefined)
    : durationMillis("ticks.reread", ticks.reread, 1)

/** Schedules read at once. */
const dueLimit = 100

/** Queues asked, and schedules carried on, at the same time. */
const concurrency = 16

const longestBackoffMillis = 5000

/** Rounds of a queue in which nothing could be carried on, before it is left alone for a while. */
const vainRounds = 3
const pauseMillis = 1000

/** A definition read back, and the ticks that it stands for. */
export interface Readable {
  readonly definition: Definition
  readonly timing: Cron.Timing
}

/** Reads what a record stands for; a failure tells why this version of the code cannot. */
export const readable = (record: ScheduleRecord): Result.Result<Readable, string> =>
  Result.flatMap(decodeDefinition(record.definition), (definition) =>
    Result.mapBoth(Cron.parse(definition.when, record.name), {
      onFailure: (error) => error.message,
      onSuccess: (timing) => ({ definition, timing })
    })
  )

/** The job of a tick, or of a trigger. */
export const jobOf = (
  name: string,
  definition: Definition,
  id: JobId,
  at: EpochMillis,
  triggered: boolean
): NewJob => ({
  id,
  kind: definition.kind,
  payload: definition.payload,
  priority: definition.priority,
  maxAttempts: definition.maxAttempts,
  retainMillis: definition.retainMillis,
  headers: { [scheduleHeader]: name, [tickHeader]: String(at), ...(triggered ? { [triggeredHeader]: "1" } : {}) },
  ...(definition.tags === undefined ? {} : { tags: definition.tags }),
  ...(definition.expiresMillis === undefined ? {} : { expires: { at: at + definition.expiresMillis } })
})

/** What a ticker remembers of one queue: when to ask it next, by its own monotonic clock. */
interface Watched {
  nextAt: number
}

/** Reading a definition parses its expression: what was read once is kept while it is in use. */
class Readables {
  readonly #kept = new Map<string, Result.Result<Readable, string>>()
  readonly #complained = new Set<string>()

  /** Whether a version of a schedule is met as unreadable for the first time. */
  isNews({ name, version }: ScheduleRecord): boolean {
    const key = `${name}\n${version}`
    const isNew = !this.#complained.has(key)
    if (this.#complained.size >= 1000) this.#complained.clear()
    this.#complained.add(key)
    return isNew
  }

  of(record: ScheduleRecord): Result.Result<Readable, string> {
    const key = `${record.name}\n${record.definition}`
    let found = this.#kept.get(key)
    if (found === undefined) {
      if (this.#kept.size >= 1000) this.#kept.clear()
      found = readable(record)
      this.#kept.set(key, found)
    }
    return found
  }
}

const iso = (instant: EpochMillis): string => DateTime.formatIso(DateTime.makeUnsafe(instant))

/** Carries a schedule on by one step; answers whether it did. */
const carryOn = Effect.fnUntraced(function* (
  store: ScheduleStore["Service"],
  readables: Readables,
  record: ScheduleRecord,
  now: EpochMillis
) {
  const { name, next: expected = now, queue, version } = record
  const read = readables.of(record)
  if (Result.isFailure(read)) {
    if (readables.isNews(record)) yield* Effect.logError(`schedule ${name} cannot tick here: ${read.failure}`)
    return false
  }
  const { definition, timing } = read.success
  const { fire, next, skipped } = step(timing, definition.missed, expected, now)
  const outcome = yield* store.tick({
    ...{ queue, name, version, expected, skipped, overlap: definition.overlap },
    ...(next === undefined ? {} : { next }),
    ...(fire === undefined
      ? {}
      : { fire: { tick: fire, job: jobOf(name, definition, tickJobId(name, fire), fire, false) } })
  })
  if (outcome === "moved") return false
  if (skipped > 0) {
    yield* Effect.logWarning(`schedule ${name}: skipped ${skipped} missed ticks from ${iso(expected)} on`)
  }
  if (outcome === "overlap") {
    yield* Effect.logWarning(`schedule ${name}: skipped the tick of ${iso(fire!)}, an earlier job has not ended`)
  }
  if (outcome === "fired") yield* Effect.logDebug(`schedule ${name}: stored ${tickJobId(name, fire!)}`)
  return true
})

const look = (millis: number) => Effect.provideService(Effect.sleep(millis), Waiting, "look")

const monotonicMillis = Clock.clockWith((clock) =>
  Effect.sync(() => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n))
)

/** Carries on everything of a queue that is due; answers when, by this process's monotonic clock, to ask again. */
const serve = Effect.fnUntraced(function* (store: ScheduleStore["Service"], readables: Readables, queue: string) {
  for (let vain = 0; ;) {
    const askedAt = yield* monotonicMillis
    const { due, next, now } = yield* store.due(queue, dueLimit)
    // from when it was asked: a little early, and asked once more, rather than late by the way there and back
    if (due.length === 0) return next === undefined ? Number.POSITIVE_INFINITY : askedAt + Math.max(1, next - now)
    const done = yield* Effect.forEach(due, (record) => carryOn(store, readables, record, now), { concurrency })
    // others are faster now and then; what is due and stays so, as what cannot be read here, must not keep this one busy
    vain = done.includes(true) ? 0 : vain + 1
    if (vain === vainRounds) return askedAt + pauseMillis
  }
})

/**
 * Lets schedules tick, whatever else this process does, and for as long as it runs. Many at once do no harm: a tick is
 * carried out once (SCHED-1).
 *
 * **Shape** Sleeps until the next tick; looks every `reread` for schedules that other processes have put. A store that
 * is out of reach is asked again after a while.
 * **Ref** docs/semantics.md SCHED-1..6
 */
export const tickLoop = (options: TickerOptions = {}): Effect.Effect<never, never, ScheduleStore> =>
  Effect.gen(function* () {
    const store = yield* ScheduleStore
    const rereadMillis = Duration.toMillis(Duration.fromInputUnsafe(options.reread ?? "5 seconds"))
    const readables = new Readables()
    const watched = new Map<string, Watched>()
    let rereadAt = Number.NEGATIVE_INFINITY
    let changes = yield* store.changed(-1)
    let failures = 0

    const round = Effect.gen(function* () {
      const startedAt = yield* monotonicMillis
      if (startedAt >= rereadAt) {
        const queues = new Set(yield* store.queues)
        for (const queue of watched.keys()) if (!queues.has(queue)) watched.delete(queue)
        for (const queue of queues) watched.set(queue, { nextAt: startedAt })
        rereadAt = startedAt + rereadMillis
      }
      const due = [...watched].filter(([, { nextAt }]) => nextAt <= startedAt)
      yield* Effect.forEach(
        due,
        Effect.fnUntraced(function* ([queue, state]) {
          state.nextAt = yield* serve(store, readables, queue)
        }),
        { concurrency, discard: true }
      )
      failures = 0
      const nextTick = Math.min(...[...watched.values()].map(({ nextAt }) => nextAt))
      const changed = Effect.map(store.changed(changes), (count) => {
        changes = count
        rereadAt = Number.NEGATIVE_INFINITY
      })
      const now = yield* monotonicMillis
      yield* Effect.raceAllFirst([
        look(Math.max(0, rereadAt - now)),
        nextTick === Number.POSITIVE_INFINITY ? Effect.never : Effect.sleep(Math.max(0, nextTick - now)),
        changed
      ])
    })

    // a store that is out of reach says so itself
    const failed = (error: StoreError) =>
      Effect.suspend(() => {
        failures++
        const line = `schedules do not tick: ${error.message}`
        const say = failures > 1 || error.reason === "unavailable" ? Effect.logDebug(line) : Effect.logWarning(line)
        return Effect.andThen(say, look(Math.min(longestBackoffMillis, 100 * 2 ** Math.min(failures, 10))))
      })

    return yield* round.pipe(Effect.catch(failed), Effect.forever)
  })
