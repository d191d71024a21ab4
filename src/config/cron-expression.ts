import { CronExpressionParser } from "cron-parser"
import * as Result from "effect/Result"

/** What is wrong with a time zone; nothing when it is one of the IANA database. */
export const timezoneProblem = (timezone: string): string | undefined =>
  Result.isSuccess(Result.try(() => new Intl.DateTimeFormat("en", { timeZone: timezone })))
    ? undefined
    : `must be a time zone such as Europe/Paris, not ${JSON.stringify(timezone)}`

/** What is wrong with a cron expression; nothing when it has a next run. */
export const cronProblem = (expression: string, timezone: string): string | undefined => {
  if (expression.trim() === "") return "must be a cron expression, not empty"
  // one that can be read may still never come: 30 February
  const next = Result.try(() => CronExpressionParser.parse(expression, { tz: timezone }).next())
  return Result.isSuccess(next)
    ? undefined
    : `must be a cron expression, not ${JSON.stringify(expression)}: ${next.failure instanceof Error ? next.failure.message : String(next.failure)}`
}
