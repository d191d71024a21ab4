import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Semaphore from "effect/Semaphore"
import * as TestClock from "effect/testing/TestClock"
import type { EpochMillis } from "../domain/Job.ts"
import { AmbientMiddleware } from "../features/worker/AmbientMiddleware.ts"
import { Capabilities } from "../ports/Capabilities.ts"
import { JobStore } from "../ports/JobStore.ts"
import { QueueControl } from "../ports/QueueControl.ts"
import { ScheduleStore } from "../ports/ScheduleStore.ts"
import { WorkflowStore } from "../ports/WorkflowStore.ts"
import { Attempts } from "./Attempts.ts"
import { Deadlines } from "./Deadlines.ts"
import { Gate } from "./Gate.ts"
import { Kit } from "./Kit.ts"
import { Outcomes } from "./Outcomes.ts"
import { Recorder } from "./Recorder.ts"
import { Stillness } from "./Stillness.ts"
import { counted, observed, observedSchedules } from "./observe.ts"
import { VirtualClock } from "./VirtualClock.ts"

/** When workers run jobs. */
export type Mode =
  /** During `drain`, `runUntilIdle` and `runUntil` only, so that a test can look at what was enqueued first. */
  | "manual"
  /** During these, and whenever a job is enqueued from outside of a handler: the enqueue ends when they are still. */
  | "inline"
  /** Whenever they like, as in production. */
  | "free"

/** How workers run, and what chance and time do. */
export interface Options {
  /** When workers run jobs; `manual` when left out. */
  readonly mode?: Mode
  /** Decides jitter, ids and everything else that is random; 0 when left out. The same seed gives the same run. */
  readonly seed?: number
  /**
   * Lets the seed also decide where fibers pause and which goes on next, so that other seeds show other interleavings
   * of handlers; false when left out: fibers take turns.
   */
  readonly shuffle?: boolean
  /** When virtual time begins, epoch milliseconds; 2026-01-01T00:00:00Z when left out. */
  readonly start?: EpochMillis
  /**
   * How long, in real time, handlers may wait for something that is neither time nor the store, such as a socket, before
   * the clock moves on without them; 250 milliseconds when left out.
   */
  readonly patience?: Duration.Input
}

const defaultStart = Date.UTC(2026, 0, 1)

/** From 0 to 1: mulberry32. */
const numbers = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The clock of the machine, also where a test's clock is in its place. */
const liveClock = Effect.flatMap(Clock.clockWith(Effect.succeed), (clock) =>
  "withLive" in clock ? TestClock.withLive(Clock.clockWith(Effect.succeed)) : Effect.succeed(clock)
)

/** The random service of a seed. */
const seeded = (seed: number) => Random.withSeed(Effect.service(Random.Random), seed)

/**
 * Puts a backend under the testing kit: virtual time, a seed, and a record of what is enqueued. Everything that is built
 * on it, workers included, is the app's own.
 *
 * **Shape** `App.pipe(Layer.provideMerge(Testing.layer(Memory.layer)))`, or `Redis.layerVirtualTime({ url, prefix })` in
 * place of `Memory.layer`. Build it anew for every test.
 * **Example** examples/testing-an-app.ts
 * **Ref** docs/guides/testing.md
 * @category testing
 * @since 0.1.0
 */
export const layer = <ROut, E, RIn>(
  backend: Layer.Layer<ROut | JobStore | Capabilities, E, RIn>,
  options: Options = {}
): Layer.Layer<ROut | JobStore | Capabilities | Kit, E, RIn> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const seed = options.seed ?? 0
      const shuffle = options.shuffle === true ? numbers(seed) : undefined
      const stillness = new Stillness(yield* Scheduler.Scheduler, shuffle)
      const attempts = new Attempts()
      const clock = new VirtualClock(options.start ?? defaultStart, attempts, stillness, yield* liveClock)
      const gate = new Gate(options.mode === "free")
      const recorder = new Recorder()
      const kinds = new Set<string>()
      const outcomes = new Outcomes(kinds)
      const workers = new Set<string>()
      const noteKind: typeof attempts.middleware = (next, job) =>
        Effect.suspend(() => {
          kinds.add(job.kind)
          return next
        })
      const services = Context.make(Clock.Clock, clock as Clock.Clock).pipe(
        Context.add(Scheduler.Scheduler, stillness.scheduler),
        Context.add(Random.Random, yield* seeded(seed)),
        Context.add(AmbientMiddleware, [attempts.middleware, noteKind])
      )
      const ports = counted(yield* Effect.provideContext(Layer.build(backend), services), stillness)
      const workflows = Option.getOrUndefined(Context.getOption(ports, WorkflowStore))
      const schedules = Option.getOrUndefined(Context.getOption(ports, ScheduleStore))
      const deadlines = workflows && new Deadlines(workflows, clock)
      const kit = Kit.of({
        deadlines,
        clock,
        stillness,
        attempts,
        gate,
        recorder,
        outcomes,
        workers,
        isFar: Context.get(ports, Capabilities).shared,
        control: Option.getOrUndefined(Context.getOption(ports, QueueControl)),
        patienceMillis: Duration.toMillis(Duration.fromInputUnsafe(options.patience ?? "250 millis")),
        seed,
        running: Semaphore.makeUnsafe(1)
      })
      const isInline = options.mode === "inline"
      const observing: ReadonlyArray<Context.Context<never>> = [
        Context.make(JobStore, observed(Context.get(ports, JobStore), kit, workers, isInline)),
        ...(deadlines === undefined ? [] : [Context.make(WorkflowStore, deadlines.observed)]),
        ...(schedules === undefined ? [] : [Context.make(ScheduleStore, observedSchedules(schedules, kit, isInline))])
      ]
      return Context.mergeAll(services, ports, Context.make(Kit, kit), ...observing)
    })
  )
