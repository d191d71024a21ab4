import type { UnreadableSchedule } from "../features/schedules/RawSchedules.ts"
import type { PlainWhen, ScheduleView } from "../features/schedules/Schedules.ts"
import { valueOf } from "./encoded.ts"
import { age, count, oneLine, when } from "./format.ts"
import { jsonText, type Ui } from "./output.ts"

const timingText = (timing: PlainWhen): string =>
  "cron" in timing ? `${timing.cron} ${timing.timezone}` : `every ${age(timing.everyMillis)}`

/** How late a tick is when nobody may be ticking. */
const lateMillis = 10_000

const stateText = (ui: Ui, { next, paused }: ScheduleView): string => {
  if (paused) return ui.yellow("paused")
  return next !== undefined && ui.now - next > lateMillis ? ui.red("late: does a worker run?") : ui.green("ticking")
}

const optionalWhen = (ui: Ui, at: number | undefined): string | undefined =>
  at === undefined ? undefined : when(at, ui.now)

const timesOf = (ui: Ui, { next, runs, skipped }: Pick<ScheduleView, "next" | "runs" | "skipped">) => [
  optionalWhen(ui, next) ?? ui.dim("-"),
  count(runs),
  skipped === 0 ? ui.dim("0") : ui.yellow(count(skipped))
]

/** Those that cannot be read here are shown as far as they are known, and the reasons below. */
export const scheduleTable = (
  ui: Ui,
  schedules: ReadonlyArray<ScheduleView>,
  unreadable: ReadonlyArray<UnreadableSchedule> = []
): string => {
  const rows = [
    ...schedules.map((schedule) => [
      schedule.name,
      timingText(schedule.when),
      schedule.queue,
      schedule.kind,
      ...timesOf(ui, schedule),
      stateText(ui, schedule)
    ]),
    ...unreadable.map((schedule) => [
      ...[schedule.name, ui.dim("-"), schedule.queue, ui.dim("-"), ...timesOf(ui, schedule)],
      ui.yellow(schedule.paused ? "unreadable, paused" : "unreadable")
    ])
  ]
  const table = ui.table(
    [
      { title: "NAME" },
      { title: "WHEN", shrinks: true },
      { title: "QUEUE" },
      { title: "KIND" },
      { title: "NEXT" },
      { title: "RUNS", right: true },
      { title: "SKIPPED", right: true },
      { title: "STATE" }
    ],
    rows
  )
  return [table, ...unreadable.map(({ name, problem }) => `${name} cannot be read here: ${oneLine(problem)}`)].join(
    "\n"
  )
}

/** All there is to say of a schedule. */
export const scheduleDetails = (ui: Ui, schedule: ScheduleView): string => {
  const { group, kind, lastJobId, lastTick, maxAttempts, missed, name, next, overlap, payload } = schedule
  const { priority, queue, runs, skipped, tags, triggeredJobId } = schedule
  return ui.record([
    ["Schedule", name],
    ["State", stateText(ui, schedule)],
    ["When", timingText(schedule.when)],
    ["Queue", queue],
    ["Kind", kind],
    ["Declared by", group],
    ["Next", optionalWhen(ui, next)],
    ["Last tick", optionalWhen(ui, lastTick)],
    ["Last job", lastJobId],
    ["Triggered job", triggeredJobId],
    ["Runs", count(runs)],
    ["Skipped", count(skipped)],
    ["Missed ticks", typeof missed === "string" ? missed : `all, up to ${missed.all}`],
    ["Overlap", overlap],
    ["Priority", String(priority)],
    ["Attempts", String(maxAttempts)],
    ["Tags", tags.length === 0 ? undefined : tags.join(", ")],
    ["Payload", jsonText(valueOf(payload))]
  ])
}
