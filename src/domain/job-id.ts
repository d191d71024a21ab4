import type { JobId } from "./Job.ts"

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const pairs = Array.from({ length: 1024 }, (_, value) => alphabet[value >> 5]! + alphabet[value & 31]!)

const digits = (value: number, length: number): string => {
  let rest = value
  let text = ""
  for (let i = length; i > 1; i -= 2) {
    const above = Math.floor(rest / 1024)
    // `%` is slow beyond 32 bits
    text = pairs[rest - above * 1024]! + text
    rest = above
  }
  return length % 2 === 0 ? text : alphabet[rest % 32]! + text
}

// many ids are made in one millisecond
let latestMillis = Number.NaN
let latestDigits = ""

const timeDigits = (millis: number): string => {
  if (millis !== latestMillis) {
    latestMillis = millis
    latestDigits = digits(millis, 9)
  }
  return latestDigits
}

/** Nine base-32 digits of milliseconds last until the year 3084; 65 random bits follow. */
export const encodeJobId = (nowMillis: number, random: () => number): JobId =>
  timeDigits(Math.max(0, Math.floor(nowMillis))) +
  digits(Math.floor(random() * 32 ** 7), 7) +
  digits(Math.floor(random() * 32 ** 6), 6)
