import * as Result from "effect/Result"
import { InvalidInput, shown } from "./limits.ts"

const dayMillis = 24 * 60 * 60 * 1000

/** Most day starts a zone remembers: three decades. */
const rememberedDays = 11_000

/** The instant at which a zone's offset changes, and the offsets in milliseconds before and from then on. */
export interface Transition {
  readonly at: number
  readonly before: number
  readonly after: number
}

/** What a zone's clocks show. Offsets come from the runtime's own time zone data, and are remembered per day. */
export class TimeZone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat
  readonly #byDay = new Map<number, number>()

  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" })
    this.name = name
  }

  /** Local time minus UTC at an instant, in milliseconds. */
  offsetAt(instant: number): number {
    const start = Math.floor(instant / dayMillis) * dayMillis
    const offset = this.#offsetOfDay(start)
    return offset === this.#offsetOfDay(start + dayMillis) ? offset : this.#lookUp(instant)
  }

  /** The first transition after `from`, up to and including `to`. */
  firstTransition(from: number, to: number): Transition | undefined {
    let start = from
    let before = this.offsetAt(from)
    while (start < to) {
      const end = Math.min(to, (Math.floor(start / dayMillis) + 1) * dayMillis)
      const after = this.offsetAt(end)
      if (after !== before) return { at: this.#search(start, end), before, after }
      start = end
      before = after
    }
    return undefined
  }

  /** The first instant within `(low, high]` that has the offset of `high`, `low` having another. */
  #search(low: number, high: number): number {
    const offset = this.offsetAt(high)
    let without = low
    let having = high
    while (having - without > 1) {
      const middle = Math.floor((without + having) / 2)
      if (this.offsetAt(middle) === offset) having = middle
      else without = middle
    }
    return having
  }

  #offsetOfDay(start: number): number {
    let offset = this.#byDay.get(start)
    if (offset === undefined) {
      if (this.#byDay.size >= rememberedDays) this.#byDay.clear()
      offset = this.#lookUp(start)
      this.#byDay.set(start, offset)
    }
    return offset
  }

  #lookUp(instant: number): number {
    const text = this.#format.format(instant)
    const [, sign, hours = "0", minutes = "0", seconds = "0"] = /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(text) ?? []
    const millis = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
    return sign === "-" ? -millis : millis
  }
}

const zones = new Map<string, TimeZone>()

/** The zone of an IANA name. */
export const timeZone = (name: string): Result.Result<TimeZone, InvalidInput> => {
  const known = zones.get(name)
  if (known !== undefined) return Result.succeed(known)
  return Result.try({
    try: () => {
      const zone = new TimeZone(name)
      zones.set(name, zone)
      return zone
    },
    catch: () => new InvalidInput({ field: "timezone", problem: `must be an IANA time zone, not ${shown(name)}` })
  })
}
