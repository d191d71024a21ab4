import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import * as Schema from "effect/Schema"
import { QueueControl, Schedules, Task } from "winterq"
import * as Memory from "winterq/memory"

class Tick extends Task.make("year.tick", { payload: Schema.Struct({}), queue: "year" }) {}

const zones = ["Europe/Berlin", "America/New_York"]

/** A year by the clock of a zone is as long as everywhere; its days of 23 and 25 hours make up for each other. */
const hoursOf2026 = 365 * 24

const entries = zones.flatMap((timezone) => [
  Schedules.entry(`${timezone}/hourly`, Tick, { cron: "0 * * * *", timezone }),
  Schedules.entry(`${timezone}/half-past-two`, Tick, { cron: "30 2 * * *", timezone })
])

it.effect("a year of hourly ticks in two time zones takes seconds", () =>
  Effect.gen(function* () {
    const control = yield* QueueControl
    const startedAt = performance.now()
    const cpuBefore = process.cpuUsage()

    yield* TestClock.setTime(Date.parse("2027-01-01T00:00:00-05:00") - 1)

    const millis = performance.now() - startedAt
    const cpu = process.cpuUsage(cpuBefore)
    // the same as time on a machine that does nothing else, which that of tests seldom is
    const busyMillis = Math.min(millis, (cpu.user + cpu.system) / 1000)
    const runs = yield* Effect.forEach(entries, ({ name }) => Effect.map(Schedules.get(name), Option.getOrThrow))
    yield* Effect.sync(() =>
      console.log(
        `${hoursOf2026 * zones.length} hourly ticks in ${Math.round(millis)} ms, busy ${Math.round(busyMillis)}`
      )
    )
    assert.deepStrictEqual(
      runs.map(({ name, runs, skipped }) => [name, runs, skipped]),
      [
        // its year began and ended six hours before that of New York, in which the clock started and stopped
        ["Europe/Berlin/hourly", hoursOf2026, 0],
        ["Europe/Berlin/half-past-two", 365, 0],
        ["America/New_York/hourly", hoursOf2026, 0],
        ["America/New_York/half-past-two", 365, 0]
      ]
    )
    assert.strictEqual((yield* control.counters("year")).enqueued, 2 * (hoursOf2026 + 365))
    // two on most machines, and more than five on slow ones; ten times as long would be another algorithm
    assert.isBelow(busyMillis, 20_000)
  }).pipe(
    Effect.provide(
      Layer.mergeAll(Schedules.layer({ entries }), Schedules.tickerLayer({ reread: "1 day" })).pipe(
        Layer.provideMerge(Memory.layer),
        Layer.provideMerge(Layer.effectDiscard(TestClock.setTime(Date.parse("2026-01-01T00:00:00-05:00") - 1)))
      )
    )
  )
)
