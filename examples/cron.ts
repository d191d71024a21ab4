// Schedules: declared in code and added while running, over the night in which Europe puts its clocks forward. Time is
// virtual, so that two days pass in a moment.
//
//   node -C winterq-source examples/cron.ts
import { Console, Effect, Layer, Logger, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Schedules, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Report extends Task.make("report.build", { payload: { full: Schema.Boolean } }) {}
class CleanUp extends Task.make("clean.up", { payload: {} }) {}

const berlin = (at: number) =>
  new Date(at).toLocaleString("sv-SE", { timeZone: "Europe/Berlin", timeZoneName: "short" })

const say = (what: string, job: Parameters<typeof Schedules.tickOf>[0]) => {
  const tick = Schedules.tickOf(job)!
  return Console.log(`${berlin(tick.at)}  ${what}${tick.triggered ? ", by hand" : ""}`)
}

const ReportLive = Worker.handler(Report, ({ full }, job) => say(full ? "full report" : "report", job))
const CleanUpLive = Worker.handler(CleanUp, (_, job) => say("clean-up", job))

// what is declared here no more is removed at the next start
const nightly = Schedules.entry("nightly-report", Report, {
  ...{ cron: "30 2 * * *", timezone: "Europe/Berlin", missed: "latest", overlap: "skip" },
  payload: { full: true }
})
const cleaning = Schedules.entry("cleaning", CleanUp, { every: "16 hours" })
const SchedulesLive = Schedules.layer({ group: "example", entries: [nightly, cleaning] })

// in virtual time nobody need look every few seconds
const rarely = { poll: "1 hour", sweep: "1 hour", lease: "1 hour", ticks: { reread: "1 hour" } } as const

const WorkerLive = Worker.layer({ tasks: [Report, CleanUp], ...rarely }).pipe(Layer.provide([ReportLive, CleanUpLive]))

const pass = (hours: number) => Effect.andThen(TestClock.adjust(`${hours} hours`), Effect.sleep(0))

const program = Effect.gen(function* () {
  for (const { name, next } of yield* Schedules.list()) yield* Console.log(`${name}: next ${berlin(next!)}`)
  const week = yield* Schedules.next("nightly-report", 3)
  yield* Console.log(`nightly-report: ${week.map(berlin).join(", ")}`)

  yield* Console.log("two days pass")
  yield* pass(48)

  yield* Console.log("paused, and triggered by hand")
  yield* Schedules.pause("nightly-report")
  yield* Schedules.trigger("nightly-report")
  yield* pass(24)

  yield* Console.log("resumed, and one more added while everything runs")
  yield* Schedules.resume("nightly-report")
  yield* Schedules.add(Schedules.entry("customer-42", Report, { cron: "@hourly", payload: { full: false } }))
  yield* pass(3)
  yield* Schedules.remove("customer-42")

  const would = yield* Schedules.reconcile({ group: "example", entries: [nightly] }, { dryRun: true })
  yield* Console.log(`without the cleaning, a deploy would remove: ${would.removed.join(", ")}`)
  const never = Schedules.entry("never", CleanUp, { cron: "0 0 30 2 *" })
  const error = yield* Effect.flip(Schedules.add(never))
  yield* Console.log(`30 February is an ${error._tag}`)
})

await Effect.runPromise(
  TestClock.setTime(Date.parse("2026-03-28T12:00:00+01:00")).pipe(
    Effect.andThen(
      Effect.provide(program, Layer.merge(SchedulesLive, WorkerLive).pipe(Layer.provideMerge(Memory.layer)))
    ),
    Effect.provide([TestClock.layer(), Logger.layer([])]),
    Effect.scoped
  )
)

// Output:
// cleaning: next 2026-03-28 17:00:00 CET
// nightly-report: next 2026-03-29 3:30:00 CEST
// nightly-report: 2026-03-29 3:30:00 CEST, 2026-03-30 2:30:00 CEST, 2026-03-31 2:30:00 CEST
// two days pass
// 2026-03-28 17:00:00 CET  clean-up
// 2026-03-29 3:30:00 CEST  full report
// 2026-03-29 10:00:00 CEST  clean-up
// 2026-03-30 2:00:00 CEST  clean-up
// 2026-03-30 2:30:00 CEST  full report
// paused, and triggered by hand
// 2026-03-30 13:00:00 CEST  full report, by hand
// 2026-03-30 18:00:00 CEST  clean-up
// 2026-03-31 10:00:00 CEST  clean-up
// resumed, and one more added while everything runs
// 2026-03-31 14:00:00 CEST  report
// 2026-03-31 15:00:00 CEST  report
// 2026-03-31 16:00:00 CEST  report
// without the cleaning, a deploy would remove: cleaning
// 30 February is an InvalidInput
