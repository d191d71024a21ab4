import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { maxDelayMillis } from "../domain/limits.ts"

/** Units as the Go system writes them, and days. */
const unitMillis: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000
}

const part = /(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h|d)/g

const goMillis = (text: string): number | undefined => {
  if (text === "0") return 0
  if (text.replaceAll(part, "") !== "" || text === "") return undefined
  return Array.from(text.matchAll(part), ([, count, unit]) => Number(count) * unitMillis[unit!]!).reduce(
    (sum, millis) => sum + millis,
    0
  )
}

/** "5 seconds" and the like; never infinite, and never a text without a unit. */
const effectMillis = (text: string): number | undefined => {
  if (!/^\d+(\.\d+)? [a-z]+$/.test(text)) return undefined
  const duration = Duration.fromInput(text as Duration.Input)
  return Option.isSome(duration) ? Duration.toMillis(duration.value) : undefined
}

/**
 * Reads a duration as people write it: `500ms`, `1m30s`, `1.5h`, `7d`, or `5 seconds`.
 *
 * **Units** whole milliseconds, rounded up, from `leastMillis` to a century.
 * **Errors** what is wrong, to be put behind the name of the value.
 */
export const parseDuration = (text: string, leastMillis = 0): Result.Result<number, string> => {
  const trimmed = text.trim()
  const millis = goMillis(trimmed) ?? effectMillis(trimmed)
  if (millis === undefined) {
    return Result.fail(`must be a duration such as 500ms, 1m30s or "5 seconds", not ${JSON.stringify(text)}`)
  }
  const whole = Math.ceil(millis)
  if (whole >= leastMillis && whole <= maxDelayMillis) return Result.succeed(whole)
  return Result.fail(
    whole < leastMillis ? `must be ${leastMillis}ms at least, not ${text}` : `must be a century at most, not ${text}`
  )
}
