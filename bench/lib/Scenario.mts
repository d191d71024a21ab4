import type { Mode, OpenQueue } from "./Contender.mts"
import type { RedisProbe } from "./redis-probe.mts"
import type { WorkerProcess } from "./worker-process.mts"

/** `free`: the system places client and Redis. `pinned`: they share core 0, which shows the cost without wake-ups. */
export type Placement = "free" | "pinned"

/** What a figure is to reach: winterq's divided by another contender's, or winterq's own when none is named. */
export interface Goal {
  readonly against?: string
  readonly placements: ReadonlyArray<Placement>
  readonly atLeast?: number
  readonly atMost?: number
}

/** A figure that a scenario yields. */
export interface Metric {
  readonly name: string
  readonly unit: string
  /** People read them; nothing fails on them. */
  readonly goals?: ReadonlyArray<Goal>
}

/** What a piece of work took. */
export interface Taken<A> {
  readonly value: A
  readonly millis: number
  /** CPU time, of all client processes and of Redis. */
  readonly clientMicros: number
  readonly redisMicros: number
}

export interface ScenarioRun {
  /** Opens a queue, or answers the one that was opened before; who runs this closes it. */
  readonly open: (mode: Mode) => Promise<OpenQueue>
  /** The same over connections of its own, as if by another process. */
  readonly openApart: (mode: Mode) => Promise<OpenQueue>
  readonly redis: RedisProbe
  readonly jobs: number
  /**
   * Runs a part that counts. CPU time, Redis commands and the profile that are reported are those of the last call,
   * per job: of `count`, or of all when left out.
   */
  readonly measured: <A>(work: () => Promise<A>, count?: number) => Promise<Taken<A>>
  /** Starts a process with a ready worker of the contender. Its CPU time counts as the client's. */
  readonly workerProcess: (concurrency: number) => Promise<WorkerProcess>
}

/** One measurement: one file of `bench/scenarios`, its default export. */
export interface Scenario {
  readonly title: string
  /** How many jobs. */
  readonly jobs: number
  /** Whether `BENCH_JOBS` replaces `jobs`. */
  readonly scales: boolean
  /** With `--quick`; a quarter of `jobs` when left out. */
  readonly quickJobs?: number
  /** Jobs of a run that warms up; half of them, and 20,000 at most, when left out. */
  readonly warmUpJobs?: number
  /** The mode that contenders need; `plain` when left out. */
  readonly mode?: Mode
  /** The only contenders it is meant for; all when left out. */
  readonly only?: ReadonlyArray<string>
  /** Where it runs unless the command line says otherwise. */
  readonly placements: ReadonlyArray<Placement>
  /** Rounds when nobody says how many; 3 when left out. */
  readonly usualRounds?: number
  /** How long one measurement may take; 3 minutes when left out. */
  readonly timeoutMillis?: number
  /** Whether the chart shows its first metric. */
  readonly charted?: boolean
  readonly metrics: ReadonlyArray<Metric>
  /** Starts on an empty Redis and answers one number per metric, by name. */
  readonly run: (run: ScenarioRun) => Promise<Record<string, number>>
}
