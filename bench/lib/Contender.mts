import type { Payload } from "./payload.mts"

/** Where a contender works. */
export interface Target {
  readonly host: string
  readonly port: number
}

/**
 * How a queue is used. `plain`: nothing is kept of completed jobs. `kept`: completed jobs stay, without a result.
 * `results`: a handler's string is recorded and kept with its job. `unique`: each job holds a key that no other job of
 * the queue may hold meanwhile. `priorities`: three priorities in turn. `workflows`: groups of jobs, each with a job
 * that runs after them. `scheduled`: `enqueueScheduled`. `dead`: jobs that fail once and are kept. `memory`: the
 * library's store in the process instead of Redis.
 */
export type Mode =
  | "plain"
  | "kept"
  | "results"
  | "unique"
  | "priorities"
  | "workflows"
  | "scheduled"
  | "dead"
  | "memory"

export interface WorkerSettings {
  readonly concurrency: number
  /** The handler calls it with the decoded payload. Throwing fails the job for good. */
  readonly onJob: (payload: Payload) => void
  /** The handler waits this long first, as its library's users would; 0: not at all. */
  readonly sleepMillis?: number
  /** Called as soon as the library tells its worker that Redis has recorded a job's completion. */
  readonly onDone?: () => void
}

/** A worker whose connections are open and which has not asked for a job yet. */
export interface ReadyWorker {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** One queue of a contender, with the connections of its producer. */
export interface OpenQueue {
  /** Stores all jobs by the contender's bulk call, in one call; one by one where it has none. */
  readonly enqueueBulk: (payloads: ReadonlyArray<Payload>) => Promise<void>
  /** Stores one job. */
  readonly enqueue: (payload: Payload) => Promise<void>
  /** Stores jobs one by one, each by its own call, `inFlight` calls at once. */
  readonly enqueueEach: (payloads: ReadonlyArray<Payload>, inFlight: number) => Promise<void>
  /** As `enqueueBulk`, to run in a day. Only in the mode `scheduled`. */
  readonly enqueueScheduled?: (payloads: ReadonlyArray<Payload>) => Promise<void>
  /** Stores one workflow: a job that runs when all the others have completed. Only in the mode `workflows`. */
  readonly enqueueWorkflow?: (last: Payload, others: ReadonlyArray<Payload>) => Promise<void>
  readonly readyWorker: (settings: WorkerSettings) => Promise<ReadyWorker>
  /** Jobs that are to run and have not completed: waiting and running, read at this moment. */
  readonly unfinished: () => Promise<number>
  readonly close: () => Promise<void>
}

/**
 * A queue library under test, at its best documented settings: one file of `bench/contenders`, its default export.
 * Payloads are checked by the same schema on the way in and on the way out.
 */
export interface Contender {
  /** One line: what it promises of a job, what it keeps, and where it differs from the others here. */
  readonly guarantees: string
  readonly modes: ReadonlyArray<Mode>
  /** What is said in place of figures for a mode that it lacks; `not offered` when left out. */
  readonly remarks?: Partial<Record<Mode, string>>
  /** Its part of a scenario's jobs when it is slow, so that a run stays bearable; all when left out. */
  readonly share?: number
  /** Rounds when nobody says how many; those of the others when left out. */
  readonly usualRounds?: number
  readonly open: (target: Target, mode: Mode) => Promise<OpenQueue>
}
