import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import type { EpochMillis } from "../../domain/Job.ts"
import type { AnyTask } from "../../domain/Task.ts"
import type { JobStore } from "../../ports/JobStore.ts"
import type { Extensions } from "./Extensions.ts"
import type { RunHandler } from "./Handler.ts"
import { Lane } from "./Lane.ts"

/** A worker's options, with every default filled in and every duration in milliseconds. */
export interface Settings {
  readonly queues: ReadonlyArray<string>
  readonly concurrency: number
  readonly leaseMillis: number
  readonly pollMillis: number
  readonly sweepMillis: number
  readonly drainMillis: number
  readonly unknownKindDelayMillis: number
}

export interface Runnable {
  readonly task: AnyTask
  readonly run: RunHandler
}

/** Most jobs one exchange asks for, so that no script runs long. */
const claimLimit = 1000

/**
 * What the loops of one worker share. Everything changes between two steps of the event loop, so plain fields do.
 */
export class WorkerState {
  readonly id: string
  readonly settings: Settings
  readonly runnables: ReadonlyMap<string, Runnable>
  readonly services: Context.Context<never>
  /** By the worker's own clock. */
  readonly startedAt: EpochMillis
  readonly store: JobStore["Service"]
  readonly extensions: Extensions
  readonly lanes: ReadonlyArray<Lane>
  /** Handlers that may still be started. */
  free: number
  stopping = false
  /** Open while there is room for jobs and some lane has none to offer. */
  readonly idle = Latch.makeUnsafe(false)
  /** Monotonic milliseconds at which the wait for work ends by itself. */
  waitsUntil = Number.NEGATIVE_INFINITY
  /** Opened when something becomes due before that. */
  readonly sooner = Latch.makeUnsafe(false)
  /** Released whenever a handler has ended or a lane has sent everything; for whoever waits for the end. */
  readonly progress = Latch.makeUnsafe(false)

  constructor(
    id: string,
    settings: Settings,
    runnables: ReadonlyMap<string, Runnable>,
    services: Context.Context<never>,
    store: JobStore["Service"],
    extensions: Extensions
  ) {
    this.id = id
    this.settings = settings
    this.runnables = runnables
    this.services = services
    this.startedAt = Context.get(services, Clock.Clock).currentTimeMillisUnsafe()
    this.store = store
    this.extensions = extensions
    this.free = settings.concurrency
    this.lanes = settings.queues.map((queue) => new Lane(queue))
  }

  /** Milliseconds that never go back, for leases as this worker sees them. */
  monotonicMillis(): number {
    return Number(Context.get(this.services, Clock.Clock).monotonicTimeNanosUnsafe() / 1_000_000n)
  }

  random(): number {
    return Context.get(this.services, Random.Random).nextDoubleUnsafe()
  }

  get running(): number {
    return this.lanes.flatMap((lane) => [...lane.attempts.values()]).filter(({ running }) => running).length
  }

  /** Takes room for jobs of a lane; what a claim leaves unused comes back through `giveBack`. */
  reserve(lane: Lane): number {
    if (this.stopping) return 0
    // a share for each lane that may have work, so that no queue takes all the room
    const hungry = this.lanes.reduce((count, other) => count + (other.hungry || other === lane ? 1 : 0), 0)
    const taken = Math.min(Math.ceil(this.free / hungry), claimLimit)
    this.free -= taken
    return taken
  }

  giveBack(count: number): void {
    this.free += count
  }

  /** Lets every lane look that has something to do. */
  pokeAll(): void {
    for (const lane of this.lanes) {
      if (lane.outgoing.length > 0 || (lane.hungry && this.free > 0)) lane.poke.openUnsafe()
    }
    if (this.free > 0 && this.lanes.some((lane) => !lane.hungry)) this.idle.openUnsafe()
    else this.idle.closeUnsafe()
  }
}
