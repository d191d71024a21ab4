import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as TestClock from "effect/testing/TestClock"
import type { EpochMillis } from "../domain/Job.ts"
import { type Purpose, Waiting } from "../ports/Waiting.ts"
import { type Attempt, type Attempts, CurrentAttempt } from "./Attempts.ts"
import { Delaying, InCall, type Stillness } from "./Stillness.ts"

export interface Sleeper {
  readonly at: EpochMillis
  readonly purpose: Purpose
  readonly attempt: Attempt | undefined
  /** Whether it holds up a call that is counted as something that moves. */
  readonly delaysCall: boolean
  readonly wake: () => void
}

const nanosOf = (millis: number): bigint => BigInt(Math.round(millis * 1_000_000))

/**
 * A `TestClock` that goes from one instant at which something is due to the next. Sleeps that only look again, and
 * heartbeats while no handler runs, are not stopped at: they are woken once, when their time has passed. That is what
 * makes days cheap: a worker at rest looks about half a million times in thirty of them. While a worker stops, time passes
 * by itself.
 */
export class VirtualClock implements TestClock.TestClock {
  /** Soonest first; those of one instant in the order in which they began. */
  readonly #sleepers: Array<Sleeper> = []
  #now: EpochMillis
  #elapsedNanos = 0n
  /** Whether time passes by itself, until nobody stops any more. */
  #isPassing = false
  readonly #attempts: Attempts
  readonly #stillness: Stillness
  readonly #live: Clock.Clock

  constructor(start: EpochMillis, attempts: Attempts, stillness: Stillness, live: Clock.Clock) {
    this.#now = start
    this.#attempts = attempts
    this.#stillness = stillness
    this.#live = live
  }

  readonly currentTimeMillisUnsafe = (): number => this.#now
  readonly currentTimeNanosUnsafe = (): bigint => nanosOf(this.#now)
  readonly monotonicTimeNanosUnsafe = (): bigint => this.#elapsedNanos
  readonly currentTimeMillis = Effect.sync(this.currentTimeMillisUnsafe)
  readonly currentTimeNanos = Effect.sync(this.currentTimeNanosUnsafe)
  readonly monotonicTimeNanos = Effect.sync(this.monotonicTimeNanosUnsafe)

  readonly withLive = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, Clock.Clock, this.#live)

  readonly sleep = (duration: Duration.Duration): Effect.Effect<void> =>
    Effect.withFiber((fiber) => {
      const at = this.#now + Duration.toMillis(duration)
      if (!(at > this.#now)) return Effect.void
      // no time brings what waits for ever
      if (at === Number.POSITIVE_INFINITY) return Effect.never
      const purpose = fiber.getRef(Waiting)
      const attempt = fiber.getRef(CurrentAttempt)
      const delaysCall = fiber.getRef(Delaying) && fiber.getRef(InCall)
      return Effect.callback<void>((resume) => {
        const sleeper: Sleeper = { at, purpose, attempt, delaysCall, wake: () => resume(Effect.void) }
        this.#add(sleeper)
        return Effect.sync(() => this.#remove(sleeper))
      })
    })

  readonly adjust = (duration: Duration.Input): Effect.Effect<void> =>
    Effect.suspend(() => this.#travel(this.#now + Duration.toMillis(Duration.fromInputUnsafe(duration))))

  readonly setTime = (timestamp: number): Effect.Effect<void> => Effect.suspend(() => this.#travel(timestamp))

  /** The first sleep to be stopped at. */
  next(): Sleeper | undefined {
    return this.#sleepers.find((one) => this.#counts(one))
  }

  /** What there is to stop at, if all of it only holds up calls. */
  get delays(): ReadonlySet<Sleeper> | undefined {
    const counted = this.#sleepers.filter((one) => this.#counts(one))
    return counted.length > 0 && counted.every(({ delaysCall }) => delaysCall) ? new Set(counted) : undefined
  }

  /** Whether some of them still sleep. */
  holdsAny(sleepers: ReadonlySet<Sleeper>): boolean {
    return this.#sleepers.some((one) => sleepers.has(one))
  }

  /** Whether all there is to stop at are heartbeats, and what workers know of jobs. */
  get isUpkeep(): boolean {
    return this.#sleepers.every((one) => one.purpose === "visible" || one.purpose === "heartbeat" || !this.#counts(one))
  }

  /**
   * Makes it that instant, and waits until everything due has happened, in order; answers whether there was more than
   * heartbeats, which are no occasion to look around, or a handler that sleeps for days would take minutes.
   */
  readonly goTo = (at: EpochMillis, isLast = false): Effect.Effect<boolean> =>
    Effect.gen({ self: this }, function* () {
      yield* this.#stillness.wait
      if (at > this.#now) this.#elapsedNanos += nanosOf(at - this.#now)
      this.#now = at
      let isOccasion = isLast
      while (true) {
        const due = this.#sleepers.filter((one) => one.at <= at)
        isOccasion ||= due.some((one) => this.#counts(one) && one.purpose !== "heartbeat")
        const first = due.find((one) => isOccasion || this.#counts(one))
        if (first === undefined) return isOccasion
        this.#wake(first)
        if (!this.#counts(first)) for (const one of due) if (!this.#counts(one)) this.#wake(one)
        yield* this.#stillness.wait
      }
    })

  /** Wakes all who only wait to look again. */
  readonly poke: Effect.Effect<void> = Effect.suspend(() => {
    for (const sleeper of this.#sleepers.filter(({ purpose }) => purpose === "look")) this.#wake(sleeper)
    return this.#stillness.wait
  })

  /**
   * Goes from instant to instant while somebody stops: the test that would move the clock may have ended, or waits for
   * just that.
   */
  #passWhileStopping(): void {
    if (this.#isPassing) return
    this.#isPassing = true
    const stops = () => this.#sleepers.some(({ purpose }) => purpose === "stop")
    const passing = Effect.gen({ self: this }, function* () {
      yield* this.#stillness.wait
      while (stops()) yield* this.goTo(this.next()!.at)
      this.#isPassing = false
    })
    Effect.runFork(passing)
  }

  #travel(end: EpochMillis): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* this.#stillness.wait
      while (true) {
        const next = this.next()
        if (next === undefined || next.at > end) break
        yield* this.goTo(next.at)
      }
      if (Number.isFinite(end)) yield* this.goTo(end, true)
    })
  }

  #counts({ purpose }: Sleeper): boolean {
    return purpose === "heartbeat" ? this.#attempts.running.size > 0 : purpose !== "look"
  }

  #wake(sleeper: Sleeper): void {
    if (!this.#remove(sleeper)) return
    this.#stillness.moves++
    sleeper.wake()
  }

  #add(sleeper: Sleeper): void {
    let low = 0
    let high = this.#sleepers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#sleepers[middle]!.at <= sleeper.at) low = middle + 1
      else high = middle
    }
    this.#sleepers.splice(low, 0, sleeper)
    if (sleeper.purpose === "stop") this.#passWhileStopping()
    if (sleeper.delaysCall) this.#stillness.pauseCall(true)
    if (sleeper.attempt === undefined || sleeper.purpose === "limit") return
    sleeper.attempt.sleeps++
    sleeper.attempt.hasWaited = false
  }

  /** Answers whether it was there. */
  #remove(sleeper: Sleeper): boolean {
    const at = this.#sleepers.indexOf(sleeper)
    if (at < 0) return false
    this.#sleepers.splice(at, 1)
    if (sleeper.delaysCall) this.#stillness.pauseCall(false)
    if (sleeper.attempt !== undefined && sleeper.purpose !== "limit") sleeper.attempt.sleeps--
    return true
  }
}
