import * as Result from "effect/Result"
import { assert, describe, it } from "vitest"
import * as Cron from "../../src/domain/Cron.ts"

const timing = (when: Cron.When, seed?: string) => Result.getOrThrow(Cron.parse(when, seed))

const problem = (when: Cron.When) =>
  Result.match(Cron.parse(when), { onFailure: ({ field }) => field, onSuccess: () => "none" })

const shown = (ticks: ReadonlyArray<number>) =>
  ticks.map((tick) => new Date(tick).toISOString().replace(/(:00)?\.000Z$/, "Z"))

const ticks = (cron: string, timezone: string, after: string, count: number) =>
  shown(Cron.ticksBetween(timing({ cron, timezone }), Date.parse(after), Infinity, count))

describe("expressions", () => {
  it.each([
    ["*/20 9 * * *", ["2026-01-01T09:00Z", "2026-01-01T09:20Z", "2026-01-01T09:40Z"]],
    ["*/20 0 9 * * *", ["2026-01-01T09:00Z", "2026-01-01T09:00:20Z", "2026-01-01T09:00:40Z"]],
    ["0 0 29 2 *", ["2028-02-29T00:00Z", "2032-02-29T00:00Z", "2036-02-29T00:00Z"]],
    ["0 0 L * *", ["2026-01-31T00:00Z", "2026-02-28T00:00Z", "2026-03-31T00:00Z"]],
    ["0 0 * * MON#1", ["2026-01-05T00:00Z", "2026-02-02T00:00Z", "2026-03-02T00:00Z"]],
    ["0 0 13 * FRI", ["2026-01-02T00:00Z", "2026-01-09T00:00Z", "2026-01-13T00:00Z"]],
    ["0 0 * FEB MON#5", ["2044-02-29T00:00Z", "2072-02-29T00:00Z", "2112-02-29T00:00Z"]],
    ["@hourly", ["2026-01-01T01:00Z", "2026-01-01T02:00Z", "2026-01-01T03:00Z"]],
    ["@daily", ["2026-01-02T00:00Z", "2026-01-03T00:00Z", "2026-01-04T00:00Z"]],
    ["@midnight", ["2026-01-02T00:00Z", "2026-01-03T00:00Z", "2026-01-04T00:00Z"]],
    ["@weekly", ["2026-01-04T00:00Z", "2026-01-11T00:00Z", "2026-01-18T00:00Z"]],
    ["@monthly", ["2026-02-01T00:00Z", "2026-03-01T00:00Z", "2026-04-01T00:00Z"]],
    ["@Yearly", ["2027-01-01T00:00Z", "2028-01-01T00:00Z", "2029-01-01T00:00Z"]],
    ["@annually", ["2027-01-01T00:00Z", "2028-01-01T00:00Z", "2029-01-01T00:00Z"]]
  ])("%s ticks as it says", (cron, expected) => {
    assert.deepStrictEqual(ticks(cron, "UTC", "2026-01-01T00:00:00Z", 3), expected)
  })

  it.each([
    "0 0 30 2 *",
    "0 0 31 2,4,6,9,11 *",
    "0 0 0 31 4 *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * *",
    "* * * * * * *",
    "@never",
    "@daily *",
    "",
    "a b c d e",
    "5-1 * * * *",
    "*/0 * * * *"
  ])("%j is refused", (cron) => {
    assert.strictEqual(problem({ cron }), "cron")
  })

  it("a time zone is that of the expression, and UTC when left out", () => {
    const found = [
      ticks("0 2 * * *", "Asia/Tokyo", "2026-01-01T00:00Z", 1),
      shown([Cron.next(timing({ cron: "0 2 * * *" }), 0)!])
    ]

    assert.deepStrictEqual(found, [["2026-01-01T17:00Z"], ["1970-01-01T02:00Z"]])
    assert.strictEqual(problem({ cron: "@daily", timezone: "Mars/Olympus" }), "timezone")
  })

  it("what H stands for depends on the seed alone", () => {
    const of = (seed: string) => Cron.ticksBetween(timing({ cron: "H H * * *" }, seed), 0, Infinity, 2)

    assert.deepStrictEqual(of("a"), of("a"))
    assert.notDeepEqual(of("a"), of("b"))
  })

  it("what is stored reads back to the same", () => {
    for (const when of [
      { cron: " @Daily ", timezone: "Europe/Berlin" },
      { every: "90 minutes" as const, anchor: 5000 }
    ]) {
      const first = timing(when)
      assert.deepStrictEqual(Result.getOrThrow(Cron.parse(first.plain)).plain, first.plain)
    }
  })
})

describe("fixed intervals", () => {
  it("lie on a grid through the anchor, on both sides of it", () => {
    const every = timing({ every: "10 seconds", anchor: new Date(23_000) })

    assert.deepStrictEqual(
      [Cron.next(every, 0), Cron.next(every, 3000), Cron.next(every, 12_999)],
      [3000, 13_000, 13_000]
    )
    assert.strictEqual(Cron.previous(every, 12_999, 0), 3000)
    assert.isUndefined(Cron.previous(every, 12_999, 3001))
  })

  it.each([0, 999, "0 seconds", Number.NaN, -5000] as const)("%j is refused", (every) => {
    assert.strictEqual(problem({ every }), "every")
  })
})

// docs/guides/schedules.md shows these tables
describe.each([
  ["Europe/Berlin", "2026-03-28T23:00Z", "2026-10-24T22:00Z"],
  ["America/New_York", "2026-03-08T05:00Z", "2026-11-01T04:00Z"]
] as const)("clocks put forward and back in %s", (zone, spring, autumn) => {
  const from = (start: string) => (cron: string, hours: number) => {
    const first = Date.parse(start)
    return Cron.ticksBetween(timing({ cron, timezone: zone }), first - 1, first + hours * 3_600_000 - 1, 100).map(
      (tick) => (tick - first) / 60_000
    )
  }
  // minutes since midnight, as they pass
  const onSpringDay = from(spring)
  const onAutumnDay = from(autumn)

  it("a local time that is left out ticks later by what was left out", () => {
    assert.deepStrictEqual(onSpringDay("30 2 * * *", 23), [150])
    assert.deepStrictEqual(onSpringDay("*/20 2 * * *", 23), [120, 140, 160])
    assert.deepStrictEqual(onSpringDay("0 3 * * *", 23), [120])
  })

  it("two local times that fall on one instant are one tick", () => {
    assert.deepStrictEqual(onSpringDay("30 2,3 * * *", 23), [150])
    assert.deepStrictEqual(onSpringDay("0,30 1-3 * * *", 23), [60, 90, 120, 150])
  })

  it("every hour ticks once in each of the 23 hours", () => {
    assert.deepStrictEqual(
      onSpringDay("15 * * * *", 23),
      Array.from({ length: 23 }, (_, i) => 15 + 60 * i)
    )
  })

  it("a local time that comes twice ticks the first time", () => {
    const hour = zone === "Europe/Berlin" ? 2 : 1

    assert.deepStrictEqual(onAutumnDay(`30 ${hour} * * *`, 25), [hour * 60 + 30])
    assert.deepStrictEqual(
      onAutumnDay(`*/20 ${hour} * * *`, 25),
      [0, 20, 40].map((m) => hour * 60 + m)
    )
    assert.deepStrictEqual(onAutumnDay(`0 ${hour + 1} * * *`, 25), [(hour + 2) * 60])
    assert.deepStrictEqual(onAutumnDay(`0 0-${hour + 1} * * *`, 25).at(-1), (hour + 2) * 60)
  })

  it("every hour ticks once in each of the 25 hours", () => {
    assert.deepStrictEqual(
      onAutumnDay("15 * * * *", 25),
      Array.from({ length: 25 }, (_, i) => 15 + 60 * i)
    )
  })

  it("a day is a day", () => {
    assert.deepStrictEqual(onSpringDay("0 0 * * *", 24), [0, 23 * 60])
    assert.deepStrictEqual(onAutumnDay("0 0 * * *", 26), [0, 25 * 60])
  })
})

describe("other zones", () => {
  it("a day that was left out ticks with the next one", () => {
    assert.deepStrictEqual(ticks("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00Z", 3), [
      "2011-12-29T22:00Z",
      "2011-12-30T22:00Z",
      "2011-12-31T22:00Z"
    ])
  })

  it("half an hour is put forward and back on Lord Howe Island", () => {
    assert.deepStrictEqual(ticks("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00Z", 2), [
      "2026-10-03T15:45Z",
      "2026-10-04T15:15Z"
    ])
  })

  it("midnight that is left out ticks at one", () => {
    assert.deepStrictEqual(ticks("@daily", "Africa/Cairo", "2026-04-23T12:00Z", 2), [
      "2026-04-23T22:00Z",
      "2026-04-24T21:00Z"
    ])
  })
})
