import type { JobId } from "./Job.ts"

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const digits = (value: number, length: number): string => {
  let rest = value
  let text = ""
  for (let i = 0; i < length; i++) {
    text = alphabet[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/** Nine base-32 digits of milliseconds last until the year 3084; 65 random bits follow. */
export const encodeJobId = (nowMillis: number, random: () => number): JobId => {
  const draw = (count: number) => digits(Math.floor(random() * 32 ** count), count)
  return digits(Math.max(0, Math.floor(nowMillis)), 9) + draw(7) + draw(6)
}
