import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import { Clock as ClockService } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"

interface Timer {
  readonly at: number
  fire: (() => void) | undefined
}

/** What a run may be told of its fibers' errors. */
export type Complain = (process: string, message: string) => void

const startMillis = Date.UTC(2026, 0, 1)

/** Numbers from 0 to 1 that a seed decides: mulberry32. */
export const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface WorldOptions {
  readonly seed: number
  /** How likely a fiber pauses before a step. */
  readonly yields: number
  /** Whether the steps of one process may change places among themselves, or only with those of others. */
  readonly shuffles: boolean
  readonly complain: Complain
}

/**
 * Processes that share nothing but messages, on one thread: their fibers, their clocks and the time between them. Which
 * of them goes on next is drawn from a seed, time moves when nobody has anything to do, and nothing waits for the event
 * loop: a seed gives the same run, always.
 */
export class World {
  readonly random: () => number
  readonly complain: Complain
  /** True milliseconds since the beginning. No process can see them. */
  now = 0
  steps = 0
  readonly #yields: number
  readonly #shuffles: boolean
  /** Those that have something to do, once for each task they have. */
  #ready: Array<Process> = []
  /** Latest first. */
  readonly #timers: Array<Timer> = []

  constructor({ complain, seed, shuffles, yields }: WorldOptions) {
    this.random = randomOf(seed)
    this.complain = complain
    this.#yields = yields
    this.#shuffles = shuffles
  }

  /** From 0 up to, not including, `below`. */
  readonly int = (below: number): number => Math.floor(this.random() * below)

  readonly between = (low: number, high: number): number => Math.round(low + this.random() * (high - low))

  readonly chance = (likely: number): boolean => likely > 0 && this.random() < likely

  readonly pick = <A>(items: ReadonlyArray<A>): A => items[this.int(items.length)]!

  /** Does something later, whatever becomes of anybody. Answers how to call it off. */
  after(millis: number, act: () => void): () => void {
    const timer: Timer = { at: this.now + Math.max(0, millis), fire: act }
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const mid = (low + high) >>> 1
      if (this.#timers[mid]!.at > timer.at) low = mid + 1
      else high = mid
    }
    this.#timers.splice(low, 0, timer)
    return () => {
      timer.fire = undefined
    }
  }

  spawn(name: string): Process {
    return new Process(this, name, this.#yields)
  }

  ready(process: Process): void {
    this.#ready.push(process)
  }

  unready(process: Process): void {
    this.#ready = this.#ready.filter((other) => other !== process)
  }

  /** Lets everybody go on until it is so, or until the time is over. Answers whether it is so. */
  run(isSo: () => boolean, millis: number): boolean {
    const end = this.now + millis
    while (!isSo()) {
      const count = this.#ready.length
      if (count > 0) {
        this.steps++
        const at = this.int(count)
        const process = this.#ready[at]!
        this.#ready[at] = this.#ready[count - 1]!
        this.#ready.pop()
        process.step(this.#shuffles)
        continue
      }
      const timer = this.#timers.at(-1)
      if (timer === undefined || timer.at > end) {
        this.now = end
        return isSo()
      }
      this.#timers.pop()
      this.now = timer.at
      timer.fire?.()
    }
    return true
  }
}

/** One process: its tasks, its clock, and all services that its fibers start with. */
export class Process {
  readonly name: string
  readonly context: Context.Context<never>
  readonly clock: Clock.Clock
  /** How far its wall clock is off. */
  skewMillis = 0
  state: "runs" | "paused" | "dead" = "runs"
  readonly #world: World
  readonly #tasks: Array<() => void> = []
  readonly #mourners = new Set<() => void>()

  constructor(world: World, name: string, yields: number) {
    this.name = name
    this.#world = world
    const wall = () => startMillis + Math.floor(world.now) + this.skewMillis
    const monotonicNanos = () => BigInt(Math.round(world.now * 1_000_000))
    this.clock = {
      currentTimeMillisUnsafe: wall,
      currentTimeMillis: Effect.sync(wall),
      currentTimeNanosUnsafe: () => BigInt(wall()) * 1_000_000n,
      currentTimeNanos: Effect.sync(() => BigInt(wall()) * 1_000_000n),
      monotonicTimeNanosUnsafe: monotonicNanos,
      monotonicTimeNanos: Effect.sync(monotonicNanos),
      sleep: (duration) =>
        Effect.callback<void>((resume) => {
          const cancel = world.after(Duration.toMillis(duration), () => this.post(() => resume(Effect.void)))
          return Effect.sync(cancel)
        })
    }
    const scheduler: Scheduler.Scheduler = {
      executionMode: "async",
      shouldYield: () => world.chance(yields),
      makeDispatcher: () => ({
        scheduleTask: (task) => this.post(task),
        flush: () => {}
      })
    }
    const logger = Logger.make(({ cause, message }) =>
      world.complain(name, `${String(message)} ${cause.reasons.length > 0 ? JSON.stringify(cause) : ""}`)
    )
    this.context = Context.make(ClockService, this.clock).pipe(
      Context.add(Scheduler.Scheduler, scheduler),
      Context.add(Random.Random, {
        nextDoubleUnsafe: world.random,
        nextIntUnsafe: () => Math.floor((world.random() - 0.5) * 2 * Number.MAX_SAFE_INTEGER)
      }),
      Context.add(Logger.CurrentLoggers, new Set([logger])),
      // workers warn of what is done to them here; only what they do not expect is of interest
      Context.add(References.MinimumLogLevel, "Error")
    )
  }

  /** Has it do something, once it is its turn; never when it is dead. */
  post(task: () => void): void {
    if (this.state === "dead") return
    this.#tasks.push(task)
    if (this.state === "runs") this.#world.ready(this)
  }

  step(shuffles: boolean): void {
    const at = shuffles ? this.#world.int(this.#tasks.length) : 0
    const [task] = this.#tasks.splice(at, 1)
    task?.()
  }

  /** Runs something in it; tells how it ended. */
  fork<A, E>(effect: Effect.Effect<A, E>, told: (exit: unknown) => void = () => {}): void {
    this.post(() => Effect.runForkWith(this.context)(effect).addObserver(told))
  }

  /** Nothing of it goes on, its clock does: SIGSTOP, a frozen machine, a long garbage collection. */
  pause(): void {
    if (this.state !== "runs") return
    this.state = "paused"
    this.#world.unready(this)
  }

  resume(): void {
    if (this.state !== "paused") return
    this.state = "runs"
    for (const _ of this.#tasks) this.#world.ready(this)
  }

  /** Ends it between two steps: no finalizer runs, nothing is said to anybody. Its connections close. */
  kill(): void {
    if (this.state === "dead") return
    this.#world.unready(this)
    this.state = "dead"
    this.#tasks.length = 0
    for (const mourn of this.#mourners) mourn()
    this.#mourners.clear()
  }

  /** Hears of its end. Answers how not to. */
  onKill(mourn: () => void): () => void {
    this.#mourners.add(mourn)
    return () => this.#mourners.delete(mourn)
  }
}
