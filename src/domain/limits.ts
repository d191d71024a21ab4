import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { describe } from "./describe.ts"

/**
 * An argument that can never be right, whatever the state of the queue. Nothing was written.
 * @category errors
 * @since 0.1.0
 */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", {
  /** Which argument, as the caller spells it: `queue`, `delay`, `priority`, ... */
  field: Schema.String,
  /** What it must be, and what it was. */
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.field} ${this.problem}`
  }
}

export const defaultQueue = "default"
export const defaultPriority = 5
export const defaultMaxAttempts = 20

/** Scores pack the priority above a 40-bit sequence into the 53 bits a double holds exactly. */
export const minPriority = -4096
export const maxPriority = 4095

/** A century: far enough for any wish, near enough that `now + delay` stays an exact integer. */
export const maxDelayMillis = 100 * 365 * 24 * 60 * 60 * 1000

export const minLeaseMillis = 100
export const maxLeaseMillis = 24 * 60 * 60 * 1000

/** Largest encoded payload accepted when nothing else is configured, in bytes of UTF-8. */
export const defaultMaxPayloadBytes = 512 * 1024

/** Largest encoded result or typed failure kept when nothing else is configured, in bytes of UTF-8. */
export const defaultMaxResultBytes = 512 * 1024

/** Largest encoded progress, in bytes of UTF-8: it is written often, and only shown. */
export const maxProgressBytes = 64 * 1024

/** Most characters of payload that one workflow may hold, over all its nodes. */
export const maxWorkflowLength = 256 * 1024 * 1024

/** How many bytes of UTF-8 a text has, when they are more than a limit. */
export const bytesBeyond = (text: string, limit: number): number | undefined => {
  // a character takes three bytes at most, so most texts need no count
  if (text.length * 3 <= limit) return undefined
  const bytes = Buffer.byteLength(text)
  return bytes > limit ? bytes : undefined
}

/** Most jobs one enqueue may carry, so that no script runs unbounded. */
export const maxBatchJobs = 5000

/** Most characters of payload one enqueue may carry: a script call of this size takes a fraction of a second. */
export const maxBatchLength = 32 * 1024 * 1024

const queuePattern = /^[A-Za-z0-9._-]{1,128}$/
const kindPattern = /^[A-Za-z0-9._:/-]{1,128}$/

// as claims and channels carry it: what can be seen, and no comma
const workerPattern = /^[!-+\--~]{1,1024}$/
const workflowPattern = /^[A-Za-z0-9._:@/+=-]{1,96}$/

const fine: Result.Result<void, InvalidInput> = Result.succeed(undefined)

const check = (ok: boolean, field: string, problem: () => string): Result.Result<void, InvalidInput> =>
  ok ? fine : Result.fail(new InvalidInput({ field, problem: problem() }))

/** A value in the reason why it is refused: no more of it than is needed to know it again. */
export const shown = (value: unknown) =>
  typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : describe(value)

export const checkQueue = (queue: string) =>
  check(queuePattern.test(queue), "queue", () => `must be 1 to 128 of A-Z a-z 0-9 . _ -, not ${shown(queue)}`)

/** Tests texts that are never the same twice: after a rest a loop takes a fraction of what an expression does (decision 16). */
const madeOf = (character: RegExp, most: number) => {
  const allowed = Uint8Array.from({ length: 128 }, (_, code) => (character.test(String.fromCharCode(code)) ? 1 : 0))
  return (text: string): boolean => {
    if (typeof text !== "string" || text.length === 0 || text.length > most) return false
    for (let i = 0; i < text.length; i++) if (allowed[text.charCodeAt(i)] !== 1) return false
    return true
  }
}

const isId = madeOf(/[A-Za-z0-9._:@/+=-]/, 128)

export const checkJobId = (id: string) =>
  check(isId(id), "id", () => `must be 1 to 128 of A-Z a-z 0-9 . _ : @ / + = -, not ${shown(id)}`)

/** For names that mostly are the one that was tested last. */
const remembering = (pattern: RegExp) => {
  let last: string | undefined
  return (text: string): boolean => {
    if (text === last) return true
    const isGood = pattern.test(text)
    if (isGood) last = text
    return isGood
  }
}

const isKind = remembering(kindPattern)
const isWorker = remembering(workerPattern)

export const checkKind = (kind: string) =>
  check(isKind(kind), "kind", () => `must be 1 to 128 of A-Z a-z 0-9 . _ : / -, not ${shown(kind)}`)

/** Names of workers and watchers, which stand in records and channels. */
export const checkWorker = (worker: string) =>
  check(isWorker(worker), "worker", () => `must be 1 to 1024 visible characters, no comma, not ${shown(worker)}`)

export const checkWorkflowId = (id: string) =>
  check(workflowPattern.test(id), "id", () => `must be 1 to 96 of A-Z a-z 0-9 . _ : @ / + = -, not ${shown(id)}`)

export const checkPriority = (priority: number) =>
  check(
    Number.isInteger(priority) && priority >= minPriority && priority <= maxPriority,
    "priority",
    () => `must be an integer from ${minPriority} to ${maxPriority}, not ${shown(priority)}`
  )

export const checkMaxAttempts = (maxAttempts: number) =>
  check(
    Number.isInteger(maxAttempts) && maxAttempts >= 1 && maxAttempts <= 1_000_000,
    "maxAttempts",
    () => `must be an integer from 1 to 1000000, not ${shown(maxAttempts)}`
  )

/** How many of something at once, or in a time. */
export const checkCount = (field: string, value: number) =>
  check(
    Number.isInteger(value) && value >= 1 && value <= 1_000_000_000,
    field,
    () => `must be an integer from 1 to a billion, not ${shown(value)}`
  )

const millisOf = (input: Duration.Input): number => {
  const duration = Duration.fromInput(input)
  // Duration takes NaN for zero; as an argument it is a mistake
  return duration._tag === "Some" && !Number.isNaN(input) ? Duration.toMillis(duration.value) : Number.NaN
}

/** A duration given by a caller as whole milliseconds, rounded up; `least` to a century. */
export const durationMillis = (
  field: string,
  input: Duration.Input,
  least = 0
): Result.Result<number, InvalidInput> => {
  const millis = Number.isSafeInteger(input) ? Number(input) : millisOf(input)
  const whole = Math.ceil(millis)
  return millis >= 0 && whole >= least && whole <= maxDelayMillis
    ? Result.succeed(whole)
    : Result.fail(
        new InvalidInput({ field, problem: `must be a duration from ${least} ms to a century, not ${shown(input)}` })
      )
}

export const checkLease = (millis: number) =>
  check(
    Number.isFinite(millis) && millis >= minLeaseMillis && millis <= maxLeaseMillis,
    "lease",
    () => `must be between ${minLeaseMillis} ms and a day, not ${shown(millis)} ms`
  )
