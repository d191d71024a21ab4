import { type CronExpression, CronExpressionParser } from "cron-parser"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type { EpochMillis } from "./Job.ts"
import { durationMillis, InvalidInput } from "./limits.ts"
import { type TimeZone, timeZone } from "./TimeZone.ts"

/**
 * When a schedule ticks: a cron expression in a time zone, or a fixed interval.
 *
 * `cron`: five fields (minute, hour, day of month, month, day of week), six with seconds in front, or `@hourly`,
 * `@daily`, `@weekly`, `@monthly`, `@yearly` and alike. When both day fields are restricted, a day that matches either
 * counts. `timezone`: an IANA name; `UTC` when left out, never the zone of the process.
 *
 * `every`: a second at least. Ticks lie on a grid through `anchor`, which is the epoch when left out, so they never
 * drift.
 *
 * **Ref** docs/guides/schedules.md
 * @category schedules
 * @since 0.1.0
 */
export type When =
  | { readonly cron: string; readonly timezone?: string; readonly every?: never; readonly anchor?: never }
  | {
      readonly every: Duration.Input
      readonly anchor?: DateTime.DateTime | Date | EpochMillis
      readonly cron?: never
      readonly timezone?: never
    }

/** The same, checked and plain, as it is stored. */
export type PlainWhen =
  | { readonly cron: string; readonly timezone: string }
  | { readonly everyMillis: number; readonly anchorMillis: EpochMillis }

/** Ticks, as a function of an instant. */
export type Timing =
  | { readonly _tag: "Every"; readonly plain: PlainWhen; readonly everyMillis: number; readonly anchorMillis: number }
  | {
      readonly _tag: "Cron"
      readonly plain: PlainWhen
      /** Asked in UTC, about local times: what clocks are put forward and back to is decided here. */
      readonly expression: CronExpression
      readonly zone: TimeZone
      /** Whether it names every hour: then it follows elapsed time, else the clock on the wall. */
      readonly everyHour: boolean
    }

const minEveryMillis = 1000
const shadowMillis = 25 * 60 * 60 * 1000

/** Transitions looked past for one tick; two a year, and no expression is silent for longer than decades. */
const maxTransitions = 1000

/** Of the Gregorian calendar's 400 years, the one that all expressions are tried from. */
const referenceMillis = Date.UTC(2000, 0, 1) - 1

const aliases: Readonly<Record<string, string>> = { "@midnight": "@daily" }

const invalidCron = (cron: string, problem: string) =>
  Result.fail(new InvalidInput({ field: "cron", problem: `${problem}, in ${JSON.stringify(cron.slice(0, 80))}` }))

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const parseCron = (given: string, zoneName: string, seed: string): Result.Result<Timing, InvalidInput> => {
  const cron = given.trim().split(/\s+/).join(" ")
  const isNamed = cron.startsWith("@")
  const fields = cron.split(" ").length
  if (cron === "" || (isNamed ? fields !== 1 : fields !== 5 && fields !== 6)) {
    return invalidCron(given, "must have 5 fields, 6 with seconds in front, or be like @daily")
  }
  const named = cron.toLowerCase()
  const parsed = Result.try({
    try: () =>
      CronExpressionParser.parse(isNamed ? (aliases[named] ?? named) : cron, {
        currentDate: referenceMillis,
        tz: "UTC",
        hashSeed: seed
      }),
    catch: said
  })
  if (Result.isFailure(parsed)) return invalidCron(given, `must be a cron expression: ${parsed.failure}`)
  const expression = parsed.success
  if (localFrom(expression, referenceMillis) === undefined)
    return invalidCron(given, "must fire some day, and never does")
  return Result.map(timeZone(zoneName), (zone) => ({
    _tag: "Cron",
    plain: { cron: isNamed ? named : cron, timezone: zone.name },
    expression,
    zone,
    everyHour: expression.fields.hour.values.length === 24
  }))
}

const anchorMillis = (anchor: DateTime.DateTime | Date | number = 0): number =>
  typeof anchor === "number" ? anchor : anchor instanceof Date ? anchor.getTime() : DateTime.toEpochMillis(anchor)

const parseEvery = (every: Duration.Input, anchor: number): Result.Result<Timing, InvalidInput> =>
  Result.flatMap(durationMillis("every", every, minEveryMillis), (everyMillis) => {
    if (!Number.isSafeInteger(anchor) || Math.abs(anchor) > 8.64e15) {
      return Result.fail(new InvalidInput({ field: "anchor", problem: `is not an instant: ${anchor}` }))
    }
    // every point of the grid describes the same grid
    const first = ((anchor % everyMillis) + everyMillis) % everyMillis
    return Result.succeed({
      _tag: "Every",
      plain: { everyMillis, anchorMillis: first },
      everyMillis,
      anchorMillis: first
    })
  })

/**
 * Checks when something ticks. `seed` picks the values that `H` stands for, the same ones for the same seed.
 *
 * **Errors** `InvalidInput` for a bad expression, one that never fires (30 February), a bad zone, or an interval below
 * a second.
 */
export const parse = (when: When | PlainWhen, seed = ""): Result.Result<Timing, InvalidInput> => {
  if ("everyMillis" in when) return parseEvery(when.everyMillis, when.anchorMillis)
  if (!("every" in when) || when.every === undefined) return parseCron(when.cron, when.timezone ?? "UTC", seed)
  // for those whom no compiler has told
  return when.cron === undefined
    ? parseEvery(when.every, anchorMillis(when.anchor))
    : Result.fail(new InvalidInput({ field: "every", problem: "cannot be combined with cron" }))
}

/** The first matching local time at or after one, both as milliseconds as if the zone were UTC. */
const localFrom = (expression: CronExpression, local: number): number | undefined => {
  expression.reset(DateTime.toDateUtc(DateTime.makeUnsafe(Math.ceil(local / 1000) * 1000 - 1000)))
  const found = Result.try(() => expression.next().getTime())
  return Result.isSuccess(found) ? found.success : undefined
}

/** The first tick at or after an instant, in whatever offset is in force when. */
const cronFrom = ({ everyHour, expression, zone }: Timing & { readonly _tag: "Cron" }, instant: number) => {
  const tickAt = (from: number, offset: number): number | undefined => {
    const local = localFrom(expression, from + offset)
    return local === undefined ? undefined : local - offset
  }
  let from = instant
  for (let crossed = 0; crossed < maxTransitions; crossed++) {
    let shifted: number | undefined
    const last = everyHour ? undefined : latestTransition(zone, from)
    if (last !== undefined) {
      const until = last.at + Math.abs(last.after - last.before)
      // the hour that comes twice: its ticks were the first time
      if (last.after < last.before && from < until) from = until
      // the hour that was left out: its ticks come as if the clock had not been put forward
      if (last.after > last.before && from < until) {
        const tick = tickAt(from, last.before)
        if (tick !== undefined && tick < until) shifted = tick
      }
    }
    const tick = tickAt(from, zone.offsetAt(from))
    if (tick === undefined) return shifted
    const next = zone.firstTransition(from, Math.min(tick, shifted ?? tick))
    if (next === undefined) return Math.min(tick, shifted ?? tick)
    from = next.at
  }
  return undefined
}

const latestTransition = (zone: TimeZone, instant: number) => {
  let latest = zone.firstTransition(instant - shadowMillis, instant)
  for (let next = latest; next !== undefined; next = zone.firstTransition(next.at, instant)) latest = next
  return latest
}

/** The first tick after an instant; none when there is none within the calendar. */
export const next = (timing: Timing, after: EpochMillis): EpochMillis | undefined => {
  if (timing._tag === "Cron") return cronFrom(timing, Math.floor(after) + 1)
  const { anchorMillis, everyMillis } = timing
  return anchorMillis + (Math.floor((after - anchorMillis) / everyMillis) + 1) * everyMillis
}

/** The last tick at or before an instant, and not before `least`. */
export const previous = (timing: Timing, at: EpochMillis, least: EpochMillis): EpochMillis | undefined => {
  if (timing._tag === "Every") {
    const { anchorMillis, everyMillis } = timing
    const tick = anchorMillis + Math.floor((at - anchorMillis) / everyMillis) * everyMillis
    return tick >= least ? tick : undefined
  }
  const isBefore = (instant: number) => (next(timing, instant) ?? Infinity) <= at
  let step = 1000
  let low = at
  do {
    low = Math.max(at - step, least - 1)
    step *= 2
  } while (low >= least && !isBefore(low))
  if (!isBefore(low)) return undefined
  let high = at
  // the last tick is the first instant that has no tick after it up to `at`
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (isBefore(middle)) low = middle
    else high = middle
  }
  return high
}

/** Ticks after one instant, up to and including another, soonest first; at most `limit`. */
export const ticksBetween = (
  timing: Timing,
  after: EpochMillis,
  until: EpochMillis,
  limit: number
): ReadonlyArray<EpochMillis> => {
  const ticks: Array<EpochMillis> = []
  let tick = next(timing, after)
  while (tick !== undefined && tick <= until && ticks.length < limit) {
    ticks.push(tick)
    tick = next(timing, tick)
  }
  return ticks
}
