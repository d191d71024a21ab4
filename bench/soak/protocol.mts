import type { Target } from "../lib/Contender.mts"

/** What a process of the soak is asked; it answers each with a reply. */
export type SoakRequest =
  | {
      readonly ask: "open"
      readonly target: Target
      readonly keepSeconds: number
      /** No job has a number from here on. */
      readonly numbers: number
      /** Jobs a second; as many as 100 calls in flight can store when left out. Only the producer looks at it. */
      readonly rate?: number
    }
  /** Answers when it has begun. */
  | { readonly ask: "start" }
  /** Makes garbage collection run first. `fresh`: forgets all latencies up to now. */
  | { readonly ask: "sample"; readonly fresh?: boolean }
  /** Stops what it does, and answers with the last of its counts. */
  | { readonly ask: "stop" }
  /** Whether handlers ran as often as they should; of the worker, given how many numbers were sent. */
  | { readonly ask: "check"; readonly sent: number }

/** What a process is like, after a collection of garbage. */
export interface ProcessSample {
  readonly rssBytes: number
  /** The heap in use, and the buffers outside of it. */
  readonly heapBytes: number
  /** CPU time that it has used, in microseconds. */
  readonly cpuMicros: number
}

export interface ProducerSample extends ProcessSample {
  /** Calls made, in the order of the numbers. */
  readonly sent: number
  readonly accepted: number
  /** Left out, since their unique key was taken. */
  readonly duplicates: number
  readonly failed: number
  /** Calls that have not been answered. */
  readonly inFlight: number
}

/** Milliseconds from the planned instant of the enqueue to the start of the handler, of first attempts without a delay. */
export interface Latency {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface WorkerSample extends ProcessSample {
  /** Calls of handlers. */
  readonly started: number
  /** Since the sample before. */
  readonly latency: Latency
  /** Since the last fresh sample, or the start. */
  readonly wholeLatency: Latency
}

/** How handlers were called, compared with what was to be. */
export interface RunCheck {
  readonly missing: number
  readonly tooOften: number
  /** Unique jobs that did not run. */
  readonly uniqueNotRun: number
}

export type SoakReply<A> = { readonly value: A } | { readonly error: string }
