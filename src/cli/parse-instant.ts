import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { EpochMillis } from "../domain/Job.ts"

const form = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?:(:\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/i

/** The instant of a date and a time of UTC; nothing for those that no calendar and no clock has. */
const ofUtc = (text: string): Option.Option<EpochMillis> =>
  Option.filter(
    Option.map(DateTime.make(`${text}Z`), DateTime.toEpochMillis),
    // a 31st of February is taken for a day of March
    (millis) => DateTime.formatIso(DateTime.makeUnsafe(millis)) === `${text}Z`
  )

const zoneMillis = (zone: string): number | undefined => {
  if (zone.toUpperCase() === "Z") return 0
  const minutes = Number(zone.slice(-2))
  const hours = Number(zone.slice(1, 3))
  if (hours > 23 || minutes > 59) return undefined
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

/**
 * An instant as ISO 8601 and `winter` itself write it. Without a zone it is of UTC, as all times that are shown: the same
 * command means the same on every machine.
 */
export const parseInstant = (text: string): Result.Result<EpochMillis, string> => {
  const [, date, time = "00:00", seconds = ":00", fraction = "", zone = "Z"] = form.exec(text.trim()) ?? []
  const away = zoneMillis(zone)
  const millis =
    date === undefined ? Option.none() : ofUtc(`${date}T${time}${seconds}.${fraction.padEnd(3, "0").slice(0, 3)}`)
  return Option.isNone(millis) || away === undefined
    ? Result.fail("must be an instant such as 2030-01-31T09:00Z or 2030-01-31T09:00+02:00 (without a zone: UTC)")
    : Result.succeed(millis.value - away)
}
