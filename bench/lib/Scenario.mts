import type { OpenQueue } from "./Contender.mts"
import type { RedisProbe } from "./redis-probe.mts"

export type Placement = "free" | "pinned"

/** A figure that a scenario yields. */
export interface Metric {
  readonly name: string
  readonly unit: string
  /** What winterq's figure divided by BullMQ's is to reach, per placement; people read it, nothing fails on it. */
  readonly goal?: { readonly [placement in Placement]?: string }
}

export interface ScenarioRun {
  readonly queue: OpenQueue
  readonly redis: RedisProbe
  readonly jobs: number
  /** Runs the part that counts: CPU time, Redis commands and the profile are taken over it. Called once. */
  readonly measured: <A>(work: () => Promise<A>) => Promise<A>
}

/** One measurement: one file of `bench/scenarios`, its default export. */
export interface Scenario {
  readonly title: string
  /** How many jobs. */
  readonly jobs: number
  /** Whether `BENCH_JOBS` replaces `jobs`. */
  readonly scales: boolean
  readonly metrics: ReadonlyArray<Metric>
  /** Starts on an empty Redis and answers one number per metric, by name. */
  readonly run: (run: ScenarioRun) => Promise<Record<string, number>>
}
