import * as Result from "effect/Result"
import fc from "fast-check"
import { assert, it } from "vitest"
import * as Cron from "../../src/domain/Cron.ts"
import { type Missed, step, toleranceMillis } from "../../src/domain/Schedule.ts"

const when = fc.oneof(
  fc.integer({ min: 1000, max: 60_000 }).map((every): Cron.When => ({ every })),
  fc.constantFrom<Cron.When>({ cron: "*/7 * * * * *" }, { cron: "* * * * *", timezone: "Europe/Berlin" })
)
const missed = fc.oneof(
  fc.constantFrom<Missed>("skip", "latest"),
  fc.integer({ min: 1, max: 20 }).map((all): Missed => ({ all }))
)

it("step by step, what is due is fired or counted as skipped, and nothing twice", () => {
  fc.assert(
    fc.property(
      when,
      missed,
      fc.integer({ min: 0, max: 1e9 }),
      fc.integer({ min: 0, max: 900_000 }),
      (given, policy, start, lateMillis) => {
        const timing = Result.getOrThrow(Cron.parse(given))
        const expected = Cron.next(timing, start)!
        const now = expected + lateMillis
        const due = Cron.ticksBetween(timing, expected - 1, now, 10_000)
        const fired: Array<number> = []
        let skipped = 0
        let next: number | undefined = expected
        while (next !== undefined && next <= now) {
          const taken = step(timing, policy, next, now)
          if (taken.fire !== undefined) fired.push(taken.fire)
          skipped += taken.skipped
          assert.isAbove(taken.next!, next)
          next = taken.next
        }

        const inTime = due.filter((tick) => tick >= now - toleranceMillis)
        const late = due.filter((tick) => tick < now - toleranceMillis)
        const wanted =
          policy === "skip"
            ? inTime
            : policy === "latest"
              ? inTime.length > 0
                ? inTime
                : late.slice(-1)
              : [...late.slice(-policy.all), ...inTime]
        assert.deepStrictEqual(fired, wanted)
        assert.strictEqual(fired.length + skipped, due.length)
        assert.strictEqual(next, Cron.next(timing, now))
      }
    ),
    { numRuns: 200 }
  )
})
