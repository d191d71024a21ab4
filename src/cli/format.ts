import * as DateTime from "effect/DateTime"
import type { EpochMillis } from "../domain/Job.ts"

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000]
] as const

/** A length of time in its two largest units: `3d 4h`, `2m 5s`, `12s`, `250ms`. */
export const age = (millis: number): string => {
  if (millis < 1000) return `${Math.max(0, Math.round(millis))}ms`
  let left = Math.floor(millis / 1000) * 1000
  const parts: Array<string> = []
  for (const [unit, length] of units) {
    const count = Math.floor(left / length)
    left -= count * length
    if (count > 0) parts.push(`${count}${unit}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.join(" ")
}

/** An instant as people read it, in UTC. */
export const instant = (at: EpochMillis): string =>
  DateTime.formatIso(DateTime.makeUnsafe(at))
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z")

/** How far an instant is from now. */
export const relative = (at: EpochMillis, now: EpochMillis): string => {
  const away = at - now
  if (Math.abs(away) < 1000) return "now"
  return away > 0 ? `in ${age(away)}` : `${age(-away)} ago`
}

/** An instant, absolute and relative. */
export const when = (at: EpochMillis, now: EpochMillis): string => `${instant(at)} (${relative(at, now)})`

/** Bytes in the unit that suits them. */
export const size = (bytes: number): string => {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"]
  let amount = bytes
  let unit = 0
  while (amount >= 1024 && unit < names.length - 1) {
    amount /= 1024
    unit++
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${names[unit]}`
}

/** A number with its thousands set apart. */
export const count = (n: number): string => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",")

/** `1 job`, `2 jobs`. */
export const plural = (n: number, word: string): string => `${count(n)} ${word}${n === 1 ? "" : "s"}`

const escape = "\u001B"

/** Our own colours, as `ui` puts them in, behind the character that begins an escape sequence. */
const colour = /^\[(?:0|1|2|31|32|33|36)m/

/** What moves the cursor, clears the screen, or turns the direction of what follows; lines and tabs stay. */
const disturbing = /[^\P{Cc}\n\t]|[\u202A-\u202E\u2066-\u2069]/gu

/** A text without what would disturb a terminal: much of what is shown is of anybody's making. */
export const printable = (text: string): string =>
  text
    .split(escape)
    .map((part, i) => `${i === 0 ? "" : colour.test(part) ? escape : " "}${part.replaceAll(disturbing, " ")}`)
    .join("")

/** The first line of a text, without what would disturb a terminal. */
export const oneLine = (text: string): string =>
  (text.split("\n", 1)[0] ?? "").replaceAll(escape, " ").replaceAll("\t", " ").replaceAll(disturbing, " ")

/** A rate per second. */
export const perSecond = (rate: number): string => `${rate >= 10 || rate === 0 ? Math.round(rate) : rate.toFixed(2)}/s`
