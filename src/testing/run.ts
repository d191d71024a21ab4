import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Kit } from "./Kit.ts"
import { type AttemptOutcome, type Tally, tally, tallyByKind } from "./Outcomes.ts"
import type { Sleeper } from "./VirtualClock.ts"

/** Why a run ended. */
export type Stopped =
  /** Nothing is left that time would bring. */
  | "idle"
  /** What it was to wait for has come. */
  | "done"
  /** The next thing happens after the time that it was given. */
  | "time"
  /** As many jobs were claimed, or as many instants passed, as it was given: something may go on for ever. */
  | "jobs"
  | "instants"
  /** Handlers run that wait for something which neither time nor the store brings. */
  | "blocked"

/** What happened during a run. */
export interface Summary extends Tally {
  /** Every attempt that ended, in order. */
  readonly attempts: ReadonlyArray<AttemptOutcome>
  readonly byKind: Readonly<Record<string, Tally>>
  /** Handlers that still run. */
  readonly running: number
  /** Virtual time that passed, in milliseconds. */
  readonly elapsedMillis: number
  readonly stopped: Stopped
}

/** What a run may claim. */
export interface DrainOptions {
  /** Lets workers claim from these queues only; from all when left out. */
  readonly queues?: ReadonlyArray<string>
  /** Jobs claimed at most; 10 000 when left out. */
  readonly jobs?: number
}

/** What a run may claim, and how far time may go. */
export interface RunOptions extends DrainOptions {
  /** Virtual time that passes at most; 30 days when left out. */
  readonly time?: Duration.Input
  /** Instants that are stopped at; 100 000 when left out. */
  readonly instants?: number
}

/** Real time for signals of a backend that is not in this process. */
const farMillis = 2

/** Real time after which what never comes to rest is a bug. */
const restlessMillis = 20_000

const describeRunning = (kit: Kit["Service"]): string => {
  const handlers = [...kit.attempts.running].map(({ job }) => `${job.kind} ${job.id}`)
  return handlers.length === 0 ? "no handler runs" : `running: ${handlers.join(", ")}`
}

/** Waits until nothing moves; what signals are on their way arrive in the meantime. */
const settle = (kit: Kit["Service"]): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { clock, stillness } = kit
    yield* stillness.wait
    while (kit.isFar) {
      const { moves } = stillness
      yield* clock.withLive(Effect.sleep(farMillis))
      yield* stillness.wait
      if (stillness.moves === moves) return
    }
  })

/** Ends what never comes to rest, in real time: without it, a test would only say that it took too long. */
const watch = (kit: Kit["Service"]): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      const { rests } = kit.stillness
      yield* kit.clock.withLive(Effect.sleep(restlessMillis))
      if (kit.stillness.rests > rests) continue
      const since = `${restlessMillis / 1000} seconds of real time`
      return yield* Effect.die(new Error(`the program has not come to rest for ${since}; ${describeRunning(kit)}`))
    }
  })

/** Gives real time to what may need it; answers whether that moved anything. */
const wait = (kit: Kit["Service"]): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const { moves } = kit.stillness
    for (let waited = 0; waited < kit.patienceMillis; waited += farMillis) {
      yield* kit.clock.withLive(Effect.sleep(farMillis))
      if (kit.stillness.moves !== moves) return true
    }
    return false
  })

/** Wakes all who look from time to time, until that shows nothing new. */
const look = (kit: Kit["Service"]): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (true) {
      const ended = kit.outcomes.ended.length
      const handlers = kit.attempts.running.size
      yield* kit.clock.poke
      yield* settle(kit)
      if (kit.outcomes.ended.length === ended && kit.attempts.running.size === handlers) return
    }
  })

/** Whether time may bring a job: one that waits, or one whose holder has vanished. */
const awaits = (kit: Kit["Service"]): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const { control } = kit
    if (control === undefined) return true
    let active = 0
    for (const queue of yield* control.queues) {
      const depths = yield* control.depths(queue)
      if (depths.scheduled + depths.retry + depths.pending > 0) return true
      active += depths.active
    }
    return active > kit.attempts.running.size
  }).pipe(Effect.catch(() => Effect.succeed(true)))

interface Bounds extends DrainOptions {
  readonly endAt: number
  readonly instants: number
  readonly isDone: () => boolean
}

const go = (kit: Kit["Service"], { endAt, instants, isDone }: Bounds): Effect.Effect<Stopped> =>
  Effect.gen(function* () {
    const { attempts, clock, gate } = kit
    let lookedAt = Number.NaN
    let passed = 0
    // calls that are slow although nothing is left to do: workers look for ever, so only those are waited for
    let last: ReadonlySet<Sleeper> | undefined
    yield* settle(kit)
    if (kit.workers.size === 0) {
      return yield* Effect.die(
        new Error("no worker is there to run jobs: build Worker.layer on the layer of the testing kit")
      )
    }
    while (true) {
      // what was refused while others held all leave, or while nobody was let through
      const mayLook = lookedAt !== clock.currentTimeMillisUnsafe()
      if (gate.hasRefused && !gate.isSpent) {
        gate.hasRefused = false
        yield* look(kit)
      }
      if (isDone()) return "done"
      if (mayLook && (kit.isFar || Number.isNaN(lookedAt))) {
        lookedAt = clock.currentTimeMillisUnsafe()
        yield* look(kit)
        continue
      }
      const { stuck } = attempts
      if (stuck.length > 0) {
        if (!(yield* wait(kit))) for (const attempt of stuck) attempt.hasWaited = true
        yield* settle(kit)
        continue
      }
      if (gate.isSpent) return "jobs"
      const next = clock.next()
      const deadlineAt = kit.deadlines === undefined ? Number.POSITIVE_INFINITY : yield* kit.deadlines.next
      const nextAt = Math.min(next?.at ?? Number.POSITIVE_INFINITY, deadlineAt)
      if (nextAt > endAt || passed >= instants) {
        if (mayLook) {
          // in case a signal was lost
          lookedAt = clock.currentTimeMillisUnsafe()
          yield* look(kit)
          continue
        }
        if (nextAt === Number.POSITIVE_INFINITY) return attempts.running.size > 0 ? "blocked" : "idle"
        return nextAt > endAt ? "time" : "instants"
      }
      const { delays } = clock
      const isIdle = delays !== undefined && attempts.running.size === 0 && deadlineAt === Number.POSITIVE_INFINITY
      if (!isIdle || (yield* awaits(kit))) last = undefined
      else if (last !== undefined) {
        if (!clock.holdsAny(last)) return "idle"
      } else if (mayLook) {
        lookedAt = clock.currentTimeMillisUnsafe()
        yield* look(kit)
        continue
      } else last = delays
      const isStuck = attempts.running.size > 0 && [...attempts.running].every(({ sleeps }) => sleeps === 0)
      if (isStuck && clock.isUpkeep && deadlineAt === Number.POSITIVE_INFINITY && !(yield* awaits(kit)))
        return "blocked"
      // a notice of a backend that is far may still arrive before it is given up
      if (next?.purpose === "limit" && next.attempt === undefined && kit.isFar && (yield* wait(kit))) {
        yield* settle(kit)
        continue
      }
      passed++
      if (yield* clock.goTo(nextAt, deadlineAt === nextAt)) yield* settle(kit)
      else lookedAt = nextAt
    }
  })

const runOnce = (kit: Kit["Service"], bounds: Bounds): Effect.Effect<Summary> =>
  Effect.gen(function* () {
    const from = kit.outcomes.ended.length
    const startedAt = kit.clock.currentTimeMillisUnsafe()
    yield* settle(kit)
    kit.gate.open(bounds.jobs ?? 10_000, bounds.queues)
    const stopped = yield* Effect.ensuring(
      go(kit, bounds),
      Effect.sync(() => kit.gate.close())
    )
    const attempts = kit.outcomes.ended.slice(from)
    return {
      ...tally(attempts),
      attempts,
      byKind: tallyByKind(attempts),
      running: kit.attempts.running.size,
      elapsedMillis: Math.round(kit.clock.currentTimeMillisUnsafe() - startedAt),
      stopped
    }
  })

/** One run at a time: they share the gate. */
const run = (kit: Kit["Service"], bounds: Bounds): Effect.Effect<Summary> =>
  kit.running.withPermit(Effect.raceFirst(runOnce(kit, bounds), watch(kit)))

export const drainWith = (kit: Kit["Service"], options: DrainOptions): Effect.Effect<Summary> =>
  Effect.suspend(() =>
    run(kit, { ...options, endAt: kit.clock.currentTimeMillisUnsafe(), instants: 0, isDone: () => false })
  ).pipe(Effect.map((summary) => (summary.stopped === "time" ? { ...summary, stopped: "idle" as const } : summary)))

/**
 * Lets the app's workers run all jobs that are due, and those that these enqueue, without any time passing.
 *
 * **Shape** Delayed jobs, retries and snoozed jobs stay. Ends when nothing moves any more: `stopped` is `idle`, or `jobs`
 * when there may be more. Handlers that sleep are left sleeping, and are counted as `running`.
 * **Errors** none; it dies when no worker is there, or the program does not come to rest.
 * **Example** examples/testing-an-app.ts
 * @category testing
 * @since 0.1.0
 */
export const drain = (options: DrainOptions = {}): Effect.Effect<Summary, never, Kit> =>
  Kit.use((kit) => drainWith(kit, options))

const millisOf = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

const boundsOf = (kit: Kit["Service"], options: RunOptions, isDone: () => boolean): Bounds => ({
  ...options,
  endAt: kit.clock.currentTimeMillisUnsafe() + millisOf(options.time ?? "30 days"),
  instants: options.instants ?? 100_000,
  isDone
})

/**
 * Lets the app's workers run all jobs that are due, moves the clock to the next instant at which something is, and goes
 * on so until nothing is left: delays, retries, snoozes, leases, rate limits, schedules, sleeping handlers.
 *
 * **Shape** In order, and the same for the same seed. Bounded, since schedules never end: `stopped` tells by what.
 * **Errors** none; it dies when no worker is there, or the program does not come to rest.
 * **Example** examples/testing-an-app.ts
 * @category testing
 * @since 0.1.0
 */
export const runUntilIdle = (options: RunOptions = {}): Effect.Effect<Summary, never, Kit> =>
  Kit.use((kit) =>
    run(
      kit,
      boundsOf(kit, options, () => false)
    )
  )

/**
 * Runs an effect that waits for jobs, such as `Client.awaitResult`, and lets workers run and time pass until it ends.
 *
 * **Shape** Ends as the effect does.
 * **Errors** those of the effect; it dies when nothing is left that could end it.
 * @category testing
 * @since 0.1.0
 */
export const runUntil = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options: RunOptions = {}
): Effect.Effect<A, E, R | Kit> =>
  Effect.gen(function* () {
    const kit = yield* Kit
    const fiber = yield* Effect.forkChild(effect)
    const { stopped } = yield* run(
      kit,
      boundsOf(kit, options, () => fiber.pollUnsafe() !== undefined)
    )
    if (fiber.pollUnsafe() !== undefined) return yield* Fiber.join(fiber)
    yield* Fiber.interrupt(fiber)
    return yield* Effect.die(new Error(`what was waited for has not come: ${stopped}; ${describeRunning(kit)}`))
  })
