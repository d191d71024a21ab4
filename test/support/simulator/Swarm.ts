import { randomOf } from "./World.ts"

/** How one run is: what there is of everything, and how often what goes wrong. All of it follows from the seed. */
export interface Swarm {
  readonly seed: number
  readonly yields: number
  readonly shuffles: boolean
  readonly queues: number
  readonly workers: number
  readonly producers: number
  /** Jobs and workflows each producer enqueues. */
  readonly orders: number
  readonly concurrency: number
  readonly strict: boolean
  readonly leaseMillis: number
  readonly sweepMillis: number
  readonly drainMillis: number
  /** How long faults last. */
  readonly safetyMillis: number
  /** How long a call waits for its reply. */
  readonly timeoutMillis: number
  readonly latencyMillis: number
  /** Per call. */
  readonly calls: {
    readonly lost: number
    readonly replyLost: number
    readonly late: number
    readonly repeated: number
    readonly slow: number
    readonly notices: number
  }
  /** Per second and process. */
  readonly processes: {
    readonly crash: number
    readonly pause: number
    readonly stop: number
    readonly cutOff: number
    readonly clock: number
  }
  /** Per second. */
  readonly store: { readonly outage: number; readonly clock: number; readonly clockBack: boolean }
  /** Per attempt. */
  readonly handlers: {
    readonly fail: number
    readonly die: number
    readonly slow: number
    readonly hang: number
    readonly snooze: number
    readonly cancel: number
    readonly skip: number
    readonly enqueue: number
    readonly note: number
  }
  /** Per order. */
  readonly orderKinds: {
    readonly workflow: number
    readonly unique: number
    readonly delayed: number
    readonly expiring: number
    readonly limited: number
    readonly forgotten: number
    readonly broken: number
    readonly awaited: number
  }
  /** Per second. */
  readonly operator: {
    readonly pause: number
    readonly cancel: number
    readonly redrive: number
    readonly purge: number
    readonly limit: number
    readonly rate: number
    readonly cancelWorkflow: number
    /** Of putting a schedule into force, or changing one. */
    readonly schedule: number
  }
}

/** Numbers of a swarm by their path, `calls.lost` for one, that are to be others than the seed says. */
export type Changes = Readonly<Record<string, number>>

const changed = (swarm: Swarm, changes: Changes): Swarm => {
  const copy = structuredClone(swarm) as unknown as Record<string, Record<string, number>>
  for (const [path, value] of Object.entries(changes)) {
    const [first = "", second] = path.split(".")
    const holder = second === undefined ? (copy as unknown as Record<string, number>) : copy[first]
    const name = second ?? first
    if (holder === undefined || typeof holder[name] !== "number") throw new Error(`a swarm has no number ${path}`)
    holder[name] = value
  }
  return copy as unknown as Swarm
}

/** Draws a run. Each kind of trouble is absent from many runs, and frequent in some: that finds more than an average. */
export const swarmOf = (seed: number, changes: Changes = {}): Swarm => changed(drawn(seed), changes)

const drawn = (seed: number): Swarm => {
  const random = randomOf(seed ^ 0x5eed)
  const between = (low: number, high: number) => Math.round(low + random() * (high - low))
  const pick = <A>(...items: ReadonlyArray<A>): A => items[Math.floor(random() * items.length)]!
  const some = (most: number) => (random() < 0.5 ? 0 : random() * random() * most)
  const isCalm = random() < 0.1
  const fault = (most: number) => (isCalm ? 0 : some(most))
  return {
    seed,
    yields: pick(0, 0.02, 0.1, 0.25),
    shuffles: random() < 0.5,
    queues: pick(1, 1, 2, 3),
    workers: between(1, 4),
    producers: between(1, 3),
    orders: between(3, 14),
    concurrency: between(1, 5),
    strict: random() < 0.3,
    leaseMillis: pick(1000, 2000, 5000),
    sweepMillis: pick(500, 2000, 5000),
    drainMillis: pick(0, 1000, 5000),
    safetyMillis: between(8000, 40_000),
    timeoutMillis: pick(500, 1000, 5000),
    latencyMillis: pick(0, 1, 20, 100),
    calls: {
      lost: fault(0.3),
      replyLost: fault(0.3),
      late: fault(0.2),
      repeated: fault(0.3),
      slow: fault(0.3),
      notices: fault(1)
    },
    processes: {
      crash: fault(0.15),
      pause: fault(0.2),
      stop: fault(0.1),
      cutOff: fault(0.1),
      clock: fault(0.1)
    },
    store: { outage: fault(0.1), clock: fault(0.1), clockBack: random() < 0.4 },
    handlers: {
      fail: some(0.6),
      die: some(0.2),
      slow: some(0.6),
      hang: some(0.2),
      snooze: some(0.3),
      cancel: some(0.2),
      skip: some(0.2),
      enqueue: some(0.3),
      note: some(0.6)
    },
    orderKinds: {
      workflow: some(0.5),
      unique: some(0.8),
      delayed: some(0.6),
      expiring: some(0.4),
      limited: some(0.8),
      forgotten: some(0.5),
      broken: some(0.1),
      awaited: some(0.5)
    },
    operator: {
      pause: some(0.1),
      cancel: some(0.5),
      redrive: some(0.5),
      purge: some(0.2),
      limit: some(0.2),
      rate: some(0.2),
      cancelWorkflow: some(0.2),
      schedule: some(0.3)
    }
  }
}
