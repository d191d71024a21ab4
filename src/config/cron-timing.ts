import * as Result from "effect/Result"
import * as Cron from "../domain/Cron.ts"
import { parseDuration } from "./duration.ts"

const everyOf = (schedule: string): string | undefined => /^@every\s+(.*)$/.exec(schedule.trim())?.[1]

/** A timing as configuration files write it: a cron expression, or `@every 1h30m` as the Go system has it. */
export const whenOf = (schedule: string, timezone: string | undefined): Cron.When => {
  const every = everyOf(schedule)
  if (every !== undefined) return { every: Result.getOrElse(parseDuration(every), () => Number.NaN) }
  return { cron: schedule, ...(timezone === undefined ? {} : { timezone }) }
}

/** What is wrong with a time zone; nothing when it is one of the IANA database. */
export const timezoneProblem = (timezone: string): string | undefined =>
  Result.isSuccess(Cron.parse({ cron: "0 0 * * *", timezone }))
    ? undefined
    : `must be a time zone such as Europe/Paris, not ${JSON.stringify(timezone)}`

/** What is wrong with a timing; nothing when it has a next tick. `name` is the entry's, which `H` depends on. */
export const timingProblem = (schedule: string, timezone: string | undefined, name: string): string | undefined => {
  const every = everyOf(schedule)
  const interval = every === undefined ? undefined : parseDuration(every)
  if (interval !== undefined && Result.isFailure(interval)) return `@every ${interval.failure}`
  const timing = Cron.parse(whenOf(schedule, timezone), name)
  return Result.isSuccess(timing) ? undefined : timing.failure.problem
}
