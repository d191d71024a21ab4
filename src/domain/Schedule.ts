import * as Result from "effect/Result"
import * as Cron from "./Cron.ts"
import { envelopeKey } from "./envelope.ts"
import type { EpochMillis, JobId } from "./Job.ts"
import { InvalidInput, shown } from "./limits.ts"

/**
 * What becomes of ticks that nobody was there for. `skip`: nothing. `latest`: one job for the last of them, unless
 * another tick is due anyway. `{ all: n }`: a job each for the last `n` of them, oldest first; `n` from 1 to 1000.
 * @category schedules
 * @since 0.1.0
 */
export type Missed = "skip" | "latest" | { readonly all: number }

/**
 * What becomes of a tick while a job of the same schedule has not ended. `allow`: its job is stored all the same.
 * `skip`: the tick is skipped.
 * @category schedules
 * @since 0.1.0
 */
export type Overlap = "allow" | "skip"

/** A schedule as it is stored: complete, checked and encoded, so that any process can let it tick. */
export interface Definition {
  readonly kind: string
  /** Opaque text, as a job has it. */
  readonly payload: string
  readonly priority: number
  readonly maxAttempts: number
  readonly retainMillis: number
  readonly tags?: ReadonlyArray<string>
  /** How long after its tick a job expires: no attempt starts from then on. */
  readonly expiresMillis?: number
  readonly when: Cron.PlainWhen
  readonly missed: Missed
  readonly overlap: Overlap
  /** Whose declaration it belongs to; absent for one that was added by itself. */
  readonly group?: string
}

/** How late a tick may be and still count as in time. */
export const toleranceMillis = 10_000

/** Missed ticks are counted up to this many at a time. */
export const maxMissed = 1000

/** Leaves room for what the ids of a schedule's jobs add to its name. */
const namePattern = /^[A-Za-z0-9._:/-]{1,80}$/

const check = (ok: boolean, field: string, problem: string): Result.Result<void, InvalidInput> =>
  ok ? Result.succeed(undefined) : Result.fail(new InvalidInput({ field, problem }))

export const checkScheduleName = (name: string) =>
  check(namePattern.test(name), "name", `must be 1 to 80 of A-Z a-z 0-9 . _ : / -, not ${shown(name)}`)

export const checkMissed = (missed: Missed) => {
  const ok =
    missed === "skip" ||
    missed === "latest" ||
    (typeof missed === "object" && Number.isInteger(missed.all) && missed.all >= 1 && missed.all <= maxMissed)
  return check(ok, "missed", `must be "skip", "latest" or { all: 1 to ${maxMissed} }, not ${JSON.stringify(missed)}`)
}

/** The id of a tick's job: the same in whatever process the tick is seen. */
export const tickJobId = (name: string, tick: EpochMillis): JobId => `cron:${name}:${tick}`

/** The id of a job that was asked for by hand. */
export const triggeredJobId = (name: string, unique: JobId): JobId => `cron:${name}:now:${unique}`

/** Names the schedule that a job is of. */
export const scheduleHeader = "winterq-schedule"
/** The instant that a job stands for, epoch milliseconds: its tick, or when it was triggered. */
export const tickHeader = "winterq-tick"
/** There, and `1`, when a job was triggered by hand. */
export const triggeredHeader = "winterq-triggered"

export const encodeDefinition = (definition: Definition): string => JSON.stringify({ v: 1, ...definition })

/** What is no JSON is a ciphertext, or says itself why it was not decrypted. */
const problemOf = (text: string): string => {
  const key = envelopeKey(text)
  if (key !== undefined) return `it is encrypted with the key ${key}, and no keys are here`
  const [, why] = /^\((.+)\)$/.exec(text) ?? []
  return why === undefined ? "it is no JSON" : `it is ${why}`
}

export const decodeDefinition = (text: string): Result.Result<Definition, string> =>
  Result.flatMap(
    Result.try({ try: () => JSON.parse(text) as Definition & { readonly v: number }, catch: () => problemOf(text) }),
    ({ v, ...definition }) => (v === 1 ? Result.succeed(definition) : Result.fail(`version ${v} is not known here`))
  )

/** What to do with the ticks that are due: at most one job now, ticks skipped before it, and where it goes on. */
export interface Step {
  readonly fire?: EpochMillis
  readonly skipped: number
  readonly next: EpochMillis | undefined
}

const firstToFire = (
  timing: Cron.Timing,
  missed: Missed,
  expected: EpochMillis,
  now: EpochMillis
): EpochMillis | undefined => {
  const inTimeFrom = now - toleranceMillis
  if (expected >= inTimeFrom) return expected
  const inTime = Cron.next(timing, inTimeFrom - 1) ?? Number.POSITIVE_INFINITY
  if (typeof missed === "object") {
    let tick: EpochMillis | undefined
    let before: EpochMillis | undefined = inTimeFrom - 1
    for (let i = 0; i < missed.all; i++) {
      const earlier: EpochMillis | undefined = Cron.previous(timing, before, expected)
      if (earlier === undefined) break
      tick = earlier
      before = earlier - 1
    }
    return tick ?? (inTime <= now ? inTime : undefined)
  }
  if (inTime <= now) return inTime
  return missed === "latest" ? Cron.previous(timing, now, expected) : undefined
}

/**
 * Decides about the first of the ticks that are due. What is due after it is decided next, in the same way, so that
 * whoever goes on from there needs to know nothing else. `expected` is a tick, and not after `now`.
 */
export const step = (timing: Cron.Timing, missed: Missed, expected: EpochMillis, now: EpochMillis): Step => {
  const fire = firstToFire(timing, missed, expected, now)
  const until = fire === undefined ? now : fire - 1
  return {
    ...(fire === undefined ? {} : { fire }),
    skipped: fire === expected ? 0 : Cron.ticksBetween(timing, expected - 1, until, maxMissed).length,
    next: Cron.next(timing, fire ?? now)
  }
}
