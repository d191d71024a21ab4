import type { PlainWhen, ScheduleView } from "../features/schedules/Schedules.ts"
import { valueOf } from "./encoded.ts"
import { age, count, when } from "./format.ts"
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

export const scheduleTable = (ui: Ui, schedules: ReadonlyArray<ScheduleView>): string =>
  ui.table(
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
    schedules.map((schedule) => [
      schedule.name,
      timingText(schedule.when),
      schedule.queue,
      schedule.kind,
      optionalWhen(ui, schedule.next) ?? ui.dim("-"),
      count(schedule.runs),
      schedule.skipped === 0 ? ui.dim("0") : ui.yellow(count(schedule.skipped)),
      stateText(ui, schedule)
    ])
  )

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
