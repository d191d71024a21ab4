import type { Payload } from "./payload.mts"

/** Where a contender works. */
export interface Target {
  readonly host: string
  readonly port: number
}

/** A worker whose connections are open and which has not asked for a job yet. */
export interface ReadyWorker {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** One queue of a contender, with the connections of its producer. */
export interface OpenQueue {
  /** Stores all jobs by the contender's bulk call, in one call. */
  readonly enqueueBulk: (payloads: ReadonlyArray<Payload>) => Promise<void>
  /** Stores one job. */
  readonly enqueue: (payload: Payload) => Promise<void>
  /** Stores jobs one by one, each by its own call, `inFlight` calls at once. */
  readonly enqueueEach: (payloads: ReadonlyArray<Payload>, inFlight: number) => Promise<void>
  /** The handler calls `onJob` with the decoded payload and does nothing else. */
  readonly readyWorker: (options: {
    readonly concurrency: number
    readonly onJob: (payload: Payload) => void
  }) => Promise<ReadyWorker>
  /** Jobs in Redis that are not completed: waiting and running, read at this moment. */
  readonly unfinished: () => Promise<number>
  readonly close: () => Promise<void>
}

/**
 * A queue library under test, at its best documented settings: one file of `bench/contenders`, its default export.
 * Completed jobs leave nothing behind, and payloads are checked by the same schema on the way in and on the way out.
 */
export interface Contender {
  readonly open: (target: Target) => Promise<OpenQueue>
}
