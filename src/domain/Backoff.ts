import * as Duration from "effect/Duration"
import * as Pipeable from "effect/Pipeable"
import { maxDelayMillis } from "./limits.ts"

/**
 * How long to wait before the next attempt. A pure function of the attempt that failed, of a random number, and of what it
 * failed with, so that the same inputs always give the same wait.
 *
 * **Units** `delayMillis` answers whole milliseconds from 0 to a century, for any attempt.
 * **Example** `Backoff.exponential("1 second").pipe(Backoff.jittered, Backoff.capped("1 hour"))`
 * @category jobs
 * @since 0.1.0
 */
export interface Backoff extends Pipeable.Pipeable {
  /** Which attempt failed, from 1; a number in [0, 1) that only jitter looks at; what it failed with, if that is known. */
  readonly delayMillis: (attempt: number, random: number, error?: unknown) => number
}

const clamp = (millis: number): number =>
  // `!(millis > 0)` also catches NaN, which a custom function may return
  !(millis > 0) ? 0 : Math.min(Math.round(millis), maxDelayMillis)

const make = (delayMillis: Backoff["delayMillis"]): Backoff => ({
  delayMillis: (attempt, random, error) => clamp(delayMillis(Math.max(1, attempt), random, error)),
  pipe() {
    return Pipeable.pipeArguments(this, arguments)
  }
})

const millisOf = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

/**
 * Waits `base`, then `base * factor`, `base * factor^2`, ...; factor 2 when left out.
 * @category jobs
 * @since 0.1.0
 */
export const exponential = (base: Duration.Input, factor = 2): Backoff => {
  const baseMillis = millisOf(base)
  return make((attempt) => baseMillis * factor ** (attempt - 1))
}

/**
 * Waits `step`, then twice `step`, three times `step`, ...
 * @category jobs
 * @since 0.1.0
 */
export const linear = (step: Duration.Input): Backoff => {
  const stepMillis = millisOf(step)
  return make((attempt) => stepMillis * attempt)
}

/**
 * Waits the same time before every attempt.
 * @category jobs
 * @since 0.1.0
 */
export const fixed = (delay: Duration.Input): Backoff => {
  const delayMillis = millisOf(delay)
  return make(() => delayMillis)
}

/**
 * Waits what the function says, given the attempt that failed (from 1) and its error: what the handler failed with, thrown
 * or not; undefined when it succeeded with what does not fit its task, and for workers in other languages. What is no
 * duration is an hour.
 *
 * **Example** `Backoff.custom((attempt, error) => error instanceof TooMany ? error.retryAfter : attempt * 1000)`
 * @category jobs
 * @since 0.1.0
 */
export const custom = (delay: (attempt: number, error: unknown) => Duration.Input): Backoff =>
  make((attempt, _, error) => {
    const given = delay(attempt, error)
    const duration = Duration.fromInput(given)
    // a function that makes no sense must not make its jobs spin; Duration takes NaN for zero
    return duration._tag === "Some" && !Number.isNaN(given) ? Duration.toMillis(duration.value) : 3_600_000
  })

/**
 * Spreads the waits by `ratio` to both sides, so that jobs that failed together do not come back together.
 * @category jobs
 * @since 0.1.0
 */
export const jitteredBy =
  (ratio: number) =>
  (backoff: Backoff): Backoff =>
    make((attempt, random, error) => backoff.delayMillis(attempt, random, error) * (1 + ratio * (2 * random - 1)))

/**
 * Spreads the waits by a fifth to both sides.
 * @category jobs
 * @since 0.1.0
 */
export const jittered: (backoff: Backoff) => Backoff = jitteredBy(0.2)

/**
 * Never waits longer than `max`. Put it last to bound jitter as well.
 * @category jobs
 * @since 0.1.0
 */
export const capped =
  (max: Duration.Input) =>
  (backoff: Backoff): Backoff => {
    const maxMillis = Math.floor(millisOf(max))
    return make((attempt, random, error) => Math.min(backoff.delayMillis(attempt, random, error), maxMillis))
  }

/**
 * One second, doubling, spread by a fifth, at most an hour: what a task uses unless it says otherwise.
 * @category jobs
 * @since 0.1.0
 */
export const standard: Backoff = exponential("1 second").pipe(jittered, capped("1 hour"))
