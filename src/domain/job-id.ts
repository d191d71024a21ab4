import type { JobId } from "./Job.ts"

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const pairs = Array.from({ length: 1024 }, (_, value) => alphabet[value >> 5]! + alphabet[value & 31]!)

const digits = (value: number, length: number): string => {
  let rest = value
  let text = ""
  for (let i = length; i > 1; i -= 2) {
    text = pairs[rest % 1024]! + text
    rest = Math.floor(rest / 1024)
  }
  return length % 2 === 0 ? text : alphabet[rest % 32]! + text
}

let last = { millis: Number.NaN, text: "" }

/** Jobs come many to the millisecond. */
const digitsOfTime = (millis: number): string => {
  if (millis !== last.millis) last = { millis, text: digits(millis, 9) }
  return last.text
}

/** Nine base-32 digits of milliseconds last until the year 3084; 65 random bits follow. */
export const encodeJobId = (nowMillis: number, random: () => number): JobId => {
  const draw = (count: number) => digits(Math.floor(random() * 32 ** count), count)
  return digitsOfTime(Math.max(0, Math.floor(nowMillis))) + draw(7) + draw(6)
}
