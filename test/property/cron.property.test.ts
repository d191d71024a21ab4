import * as Result from "effect/Result"
import fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as Cron from "../../src/domain/Cron.ts"

const minute = 60_000
const day = 24 * 60 * minute

/** Around each of them clocks are put forward or back. */
const transitions: ReadonlyArray<readonly [zone: string, at: string]> = [
  ["Europe/Berlin", "2026-03-29T01:00Z"],
  ["Europe/Berlin", "2026-10-25T01:00Z"],
  ["America/New_York", "2026-03-08T07:00Z"],
  ["America/New_York", "2026-11-01T06:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T15:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T15:30Z"],
  ["Asia/Kolkata", "2026-06-01T00:00Z"]
]

/** A field as text, and the values it stands for: both made here, so that the parser is checked as well. */
interface Field {
  readonly text: string
  readonly values: ReadonlySet<number>
}

const range = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step)

const field = (min: number, max: number): fc.Arbitrary<Field> => {
  const value = fc.integer({ min, max })
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant({ text: "*", values: new Set(range(min, max)) }) },
    { weight: 3, arbitrary: value.map((one) => ({ text: String(one), values: new Set([one]) })) },
    fc
      .uniqueArray(value, { minLength: 2, maxLength: 4 })
      .map((list) => ({ text: list.join(","), values: new Set(list) })),
    fc.tuple(value, value).map(([a, b]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)]
      return from === to
        ? { text: String(from), values: new Set([from]) }
        : { text: `${from}-${to}`, values: new Set(range(from, to)) }
    }),
    fc
      .integer({ min: 2, max: Math.max(2, max - min) })
      .map((step) => ({ text: `*/${step}`, values: new Set(range(min, max, step)) }))
  )
}

const fields = fc.record({ minute: field(0, 59), hour: field(0, 23), dayOfMonth: field(1, 31), weekday: field(0, 6) })

type Fields = typeof fields extends fc.Arbitrary<infer F> ? F : never

const cronOf = ({ dayOfMonth, hour, minute, weekday }: Fields) =>
  `${minute.text} ${hour.text} ${dayOfMonth.text} * ${weekday.text}`

/** A minute as a zone's clock shows it, read apart from what is under test. */
const clockOf = (zone: string) => {
  const format = new Intl.DateTimeFormat("en-US", {
    ...{ timeZone: zone, hourCycle: "h23", weekday: "short" },
    ...({ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" } as const)
  })
  return (instant: number) => {
    const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]))
    return {
      minute: Number(parts["minute"]),
      hour: Number(parts["hour"]),
      day: Number(parts["day"]),
      weekday: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].indexOf(parts["weekday"]!),
      local: Date.UTC(
        ...([Number(parts["year"]), Number(parts["month"]) - 1, Number(parts["day"])] as const),
        ...([Number(parts["hour"]), Number(parts["minute"])] as const)
      )
    }
  }
}

const matches = (
  of: Fields,
  shown: Pick<ReturnType<ReturnType<typeof clockOf>>, "minute" | "hour" | "day" | "weekday">
) => {
  const byDay = of.dayOfMonth.values.has(shown.day)
  const byWeekday = of.weekday.values.has(shown.weekday)
  const isFree = (one: Field) => one.text === "*"
  const isDay = isFree(of.dayOfMonth) || isFree(of.weekday) ? byDay && byWeekday : byDay || byWeekday
  return of.minute.values.has(shown.minute) && of.hour.values.has(shown.hour) && isDay
}

/** Looks at every minute: the plainest reading of SCHED-3. */
const scan = (of: Fields, zone: string, from: number, to: number): ReadonlyArray<number> => {
  const clock = clockOf(zone)
  const everyHour = of.hour.values.size === 24
  const found = new Set<number>()
  const seen = new Set<number>()
  let before = clock(from - day)
  for (let instant = from - day + minute; instant <= to; instant += minute) {
    const shown = clock(instant)
    const isAgain = seen.has(shown.local)
    seen.add(shown.local)
    if (matches(of, shown) && (everyHour || !isAgain)) found.add(instant)
    const leftOut = everyHour ? 0 : shown.local - before.local - minute
    for (let k = 0; k < leftOut; k += minute) {
      const local = new Date(before.local + minute + k)
      const shownThere = {
        ...{ minute: local.getUTCMinutes(), hour: local.getUTCHours() },
        ...{ day: local.getUTCDate(), weekday: local.getUTCDay() }
      }
      if (matches(of, shownThere)) found.add(instant + k)
    }
    before = shown
  }
  return [...found].filter((tick) => tick > from && tick <= to).toSorted((a, b) => a - b)
}

const parsed = (cron: string, timezone: string) => Cron.parse({ cron, timezone })

describe("cron", () => {
  it("ticks as a scan of every minute says, across transitions", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fields,
        fc.constantFrom(...transitions),
        fc.integer({ min: -1440, max: 0 }),
        (of, [zone, at], offset) => {
          const timing = parsed(cronOf(of), zone)
          // never in such months is a fault of the expression
          if (Result.isFailure(timing)) return
          const from = Date.parse(at) + offset * minute
          const to = from + 2 * day

          assert.deepStrictEqual(
            Cron.ticksBetween(timing.success, from, to, 10_000),
            scan(of, zone, from, to),
            `${cronOf(of)} in ${zone} from ${new Date(from).toISOString()}`
          )
        }
      ),
      { numRuns: 150 }
    )
  })

  const seconds = fc.constantFrom("0", "*/7", "5,50", "30")
  const when = fc.oneof(
    fc.tuple(seconds, fields, fc.constantFrom(...transitions)).map(([second, of, [timezone]]): Cron.When => ({
      cron: `${second} ${cronOf(of)}`,
      timezone
    })),
    fc
      .tuple(fc.integer({ min: 1000, max: 10 * day }), fc.integer({ min: -day, max: day }))
      .map(([every, anchor]): Cron.When => ({ every, anchor }))
  )
  const instant = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) })

  it("the next tick is after the instant, and no earlier one is lost", () => {
    fc.assert(
      fc.property(when, instant, instant, (given, a, b) => {
        const timing = Result.getOrThrow(Cron.parse(given))
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        const first = Cron.next(timing, low)!
        const second = Cron.next(timing, high)!

        assert.isAbove(first, low)
        assert.isAbove(second, high)
        // asked from anywhere before a tick, the same tick is found
        if (first > high) assert.strictEqual(second, first)
        else assert.isAtMost(first, second)
        assert.strictEqual(Cron.next(timing, first - 1), first)
        assert.isAbove(Cron.next(timing, first)!, first)
      }),
      { numRuns: 300 }
    )
  })

  it("the previous tick is the last before, and the inverse of the next", () => {
    fc.assert(
      fc.property(when, instant, (given, from) => {
        const timing = Result.getOrThrow(Cron.parse(given))
        const tick = Cron.next(timing, from)!
        const after = Cron.next(timing, tick)!

        assert.strictEqual(Cron.previous(timing, tick, from), tick)
        assert.strictEqual(Cron.previous(timing, after - 1, from), tick)
        assert.isUndefined(Cron.previous(timing, tick - 1, from + 1))
      }),
      { numRuns: 200 }
    )
  })
})
