import type * as Effect from "effect/Effect"
import type { Job, JobId, JobState, Token } from "../../../src/domain/Job.ts"
import type { DeadLetterStore } from "../../../src/ports/DeadLetterStore.ts"
import type { EnqueueOutcome, JobStore } from "../../../src/ports/JobStore.ts"
import type { Counters, Depths, QueueControl } from "../../../src/ports/QueueControl.ts"
import type { ScheduleStore } from "../../../src/ports/ScheduleStore.ts"
import type { NodeRecord, WorkflowRecord, WorkflowStore } from "../../../src/ports/WorkflowStore.ts"

/** The calls that are recorded. Whatever a port gains that changes a store is added here, and is recorded then. */
export const recordedCalls = {
  JobStore: [
    "enqueue",
    "exchange",
    "extendLeases",
    "cancel",
    "annotate",
    "promote",
    "rescue",
    "endings",
    "forgetEndings",
    "prune"
  ],
  DeadLetterStore: ["redrive", "purge"],
  WorkflowStore: ["create", "advance", "confirm"],
  ScheduleStore: ["tick", "trigger"],
  QueueControl: ["pause", "resume", "setLimits", "setRateLimit", "removeWorker"]
} as const

type Services = {
  readonly JobStore: JobStore["Service"]
  readonly DeadLetterStore: DeadLetterStore["Service"]
  readonly WorkflowStore: WorkflowStore["Service"]
  readonly ScheduleStore: ScheduleStore["Service"]
  readonly QueueControl: QueueControl["Service"]
}

type Method<F> = F extends (...args: infer Args) => Effect.Effect<infer A, infer _E>
  ? { readonly args: Readonly<Args>; readonly reply: A }
  : never

type MethodsOf<Port extends keyof typeof recordedCalls> = {
  readonly [Name in (typeof recordedCalls)[Port][number]]: Name extends keyof Services[Port]
    ? Method<Services[Port][Name]>
    : never
}

/** Arguments and reply of every recorded call, by its name. */
export type Calls = MethodsOf<"JobStore"> &
  MethodsOf<"DeadLetterStore"> &
  MethodsOf<"WorkflowStore"> &
  MethodsOf<"ScheduleStore"> &
  MethodsOf<"QueueControl">

export type CallName = keyof Calls

/** What is said of each call of a name: that it was made, and what came of it. */
export type CallEvent<Name extends CallName = CallName> = {
  readonly [N in Name]:
    | { readonly _tag: "Called"; readonly call: number; readonly op: N; readonly args: Calls[N]["args"] }
    | { readonly _tag: "Answered"; readonly call: number; readonly op: N; readonly reply: Calls[N]["reply"] }
}[Name]

/** The kind of jobs by which a test only asks whether a key is free: they are in no figures. */
export const probeKind = "probe"

/** How a handler ended, as the process that ran it saw it. */
export type HandlerOutcome = "succeeded" | "failed" | "interrupted"

/** One run of a handler. */
export interface Run {
  readonly queue: string
  readonly jobId: JobId
  readonly token: Token
  readonly attempt: number
}

export type Body =
  | CallEvent
  /** A call that got no answer. Whether it took effect is not known, unless `effect` says that it did not. */
  | { readonly _tag: "Unanswered"; readonly call: number; readonly op: CallName; readonly effect: "unknown" | "none" }
  /** A producer was told that its job is stored, after all it did to find out. */
  | {
      readonly _tag: "Accepted"
      readonly queue: string
      readonly jobId: JobId
      readonly outcome: EnqueueOutcome["_tag"]
    }
  | ({ readonly _tag: "HandlerStarted" } & Run)
  | ({ readonly _tag: "HandlerEnded"; readonly outcome: HandlerOutcome } & Run)
  /** A worker told its hooks: of jobs it took back, of outcomes that came too late. */
  | {
      readonly _tag: "Told"
      readonly what: "rescued" | "crashed" | "lease lost"
      readonly queue: string
      readonly jobId: JobId
    }
  /** A process ended without a word: nothing that it ran goes on. */
  | { readonly _tag: "Crashed" }
  /** Something was done to the system on purpose. */
  | { readonly _tag: "Fault"; readonly kind: string; readonly detail?: string }
  /** The store's clock was moved. */
  | { readonly _tag: "ClockMoved"; readonly byMillis: number }
  /** A defect, a rejected promise, a loop that died: what nobody may see. */
  | { readonly _tag: "Problem"; readonly message: string }
  /** A tick of a schedule was enqueued, or was found to be. `instant`: the one it stands for. */
  | {
      readonly _tag: "Ticked"
      readonly schedule: string
      readonly instant: number
      readonly queue: string
      readonly jobId: JobId
      readonly outcome: EnqueueOutcome["_tag"]
    }
  /** From here on the store must not be written to by this process, for this reason; `undefined`: it may be again. */
  | { readonly _tag: "Unsuitable"; readonly reason: string | undefined }
  /** Faults are over: from here on everything must come to its end. */
  | { readonly _tag: "Healed" }
  /** Everything has come to its end, or was given up to do so. Both in milliseconds since `Healed`. */
  | { readonly _tag: "Drained"; readonly afterMillis: number; readonly withinMillis: number; readonly open: number }

/**
 * Something that happened. `seq` grows with every event of a history. `at` is in milliseconds: by the store's clock for
 * calls, if the recorder is given it, and by that of the process for what happens there.
 */
export type Event = { readonly seq: number; readonly at: number; readonly process: string } & Body

/** What a store holds of one queue in the end, read through its ports. */
export interface QueueView {
  readonly queue: string
  /** What each list shows. */
  readonly lists: Readonly<Record<JobState, ReadonlyArray<Job>>>
  /** What reading each job that the history knows gives; nothing for one that is not stored. */
  readonly jobs: Readonly<Record<JobId, Job>>
  readonly depths: Depths
  readonly counters: Counters
  /** The names of indexes that hold an id, where a backend can tell. One each is right. */
  readonly indexes?: Readonly<Record<JobId, ReadonlyArray<string>>>
}

export interface WorkflowView {
  readonly record: WorkflowRecord
  readonly nodes: ReadonlyArray<NodeRecord>
}

/** What the stores hold when all is over. */
export interface FinalState {
  readonly queues: ReadonlyArray<QueueView>
  readonly workflows: ReadonlyArray<WorkflowView>
  /**
   * Counts, by name, of what should be gone once retention is over: records, endings that nobody was told of, workers
   * that have left, keys beyond those there were before. Left out when nobody waited that long.
   */
  readonly leftovers?: Readonly<Record<string, number>>
}

/** What happened, in order, and what became of it: what the checker judges, whoever wrote it down. */
export interface History {
  readonly events: ReadonlyArray<Event>
  readonly final: FinalState
}

/** Puts what several processes wrote down in one order: that of their clocks, and for each process its own. */
export const mergeEvents = (...parts: ReadonlyArray<ReadonlyArray<Event>>): ReadonlyArray<Event> => {
  const offsets = new Map<number, number>()
  const merged = parts
    .flatMap((events, part) => events.map((event) => ({ event, part })))
    .toSorted((a, b) => a.event.at - b.event.at || a.part - b.part || a.event.seq - b.event.seq)
  let calls = 0
  return merged.map(({ event, part }, seq) => {
    if (!("call" in event)) return { ...event, seq }
    // calls are numbered by each recorder from 0
    const key = part * 1e9 + event.call
    let call = offsets.get(key)
    if (call === undefined) offsets.set(key, (call = calls++))
    return { ...event, seq, call }
  })
}
