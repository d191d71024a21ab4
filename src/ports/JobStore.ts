import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { DeadReason, Ended, EpochMillis, Job, JobId, Member, Token } from "../domain/Job.ts"
import type { StoreError } from "./StoreError.ts"

/** A job to be stored. Everything is already encoded and checked; all times are whole milliseconds. */
export interface NewJob {
  readonly id: JobId
  readonly kind: string
  /** Opaque text: a backend never looks inside. */
  readonly payload: string
  readonly priority: number
  readonly maxAttempts: number
  /** How long the record is kept after completion or cancellation, in milliseconds. */
  readonly retainMillis: number
  /** When it becomes visible: after a wait, or at an instant by the backend's clock. Left out: at once. */
  readonly visible?: { readonly inMillis: number } | { readonly at: EpochMillis }
  /** At most one unsettled job of the queue holds a key. 1 to 128 printable characters, no comma. */
  readonly uniqueKey?: string
  /** How long it holds its key: until it ends, or until an attempt starts. Left out: until it ends. */
  readonly uniqueUntil?: "ended" | "started"
  /** Holds the key for this long from now instead, in milliseconds, whatever becomes of the job. */
  readonly uniqueWindowMillis?: number
  /** When the key is held by a job that still waits: leave this one out, or put it in that one's place. Left out: reject. */
  readonly onDuplicate?: "reject" | "replace"
  readonly headers?: Readonly<Record<string, string>>
  readonly tags?: ReadonlyArray<string>
  /** When it expires, so that no attempt starts from then on: after a wait, or at an instant. Left out: never. */
  readonly expires?: { readonly inMillis: number } | { readonly at: EpochMillis }
  /** Makes it a node of a workflow, which is told of its end. It has no unique key then. **Ref** MEMBER-1..4 */
  readonly member?: Member
  /**
   * Only of a member: from this instant on it is not stored any more, and answered with `Late`. A member that has
   * ended is known for longer than that, so a call that was held up cannot run it twice.
   */
  readonly acceptBefore?: EpochMillis
}

/** Longest time between working out that a member is to be stored and storing it, in milliseconds. */
export const memberAcceptMillis = 60_000

/** How long a queue knows that a member has ended: far longer, so that clocks of several servers may differ. */
export const memberKnownMillis = 600_000

/** How long whoever was handed an ending has for it before others are, in milliseconds. */
export const endingHeldMillis = 5000

/** How a member of a workflow ended, or that it was redriven, as its queue remembers it until the workflow knows. */
export interface MemberEnding {
  readonly jobId: JobId
  /** Tells it from a later ending of the same job. */
  readonly sequence: number
  readonly member: Member
  readonly ended: Ended | { readonly _tag: "Redriven" }
}

/** What became of one job of an enqueue. */
export type EnqueueOutcome =
  | { readonly _tag: "Enqueued" }
  /** A job with this id is already stored; `identical` when it is the same kind, payload and options, headers aside. */
  | { readonly _tag: "Existing"; readonly identical: boolean }
  /** Another job holds the unique key. */
  | { readonly _tag: "Duplicate"; readonly of: JobId }
  /** The job that held the unique key, and still waited, now is this one; it kept its id and place. */
  | { readonly _tag: "Replaced"; readonly of: JobId }
  /** The call came after `acceptBefore`: nothing was stored. */
  | { readonly _tag: "Late" }

/** A job under a lease, as a worker needs it. */
export interface ClaimedJob {
  readonly id: JobId
  readonly token: Token
  readonly kind: string
  readonly payload: string
  readonly priority: number
  /** This attempt, from 1. */
  readonly attempt: number
  readonly maxAttempts: number
  readonly rescues: number
  readonly snoozes: number
  readonly enqueuedAt: EpochMillis
  /** From when on it waits to be run: its enqueue, the end of its delay, or when it was redriven or told to run now. */
  readonly dueAt: EpochMillis
  readonly headers: Readonly<Record<string, string>>
  readonly tags: ReadonlyArray<string>
  readonly member?: Member
}

/** A job and the proof of holding it. */
export interface Held {
  readonly jobId: JobId
  readonly token: Token
}

/** How an attempt ends. Each carries the token of its claim and changes nothing when the token is stale. */
export type Settlement =
  | (Held & { readonly _tag: "Complete"; readonly result?: string })
  /** Failed; runs again after the delay, or dies when no attempt is left. */
  | (Held & {
      readonly _tag: "Retry"
      readonly delayMillis: number
      readonly error: string
      /** The encoded typed failure, kept when the job dies of it. */
      readonly failure?: string
    })
  /** Failed for good: a dead letter at once. */
  | (Held & { readonly _tag: "Bury"; readonly reason: DeadReason; readonly error: string; readonly failure?: string })
  | (Held & { readonly _tag: "Cancel"; readonly reason: string })
  /** Put off by the handler; the attempt does not count. */
  | (Held & { readonly _tag: "Snooze"; readonly delayMillis: number })
  /** Given back unrun; the attempt does not count. */
  | (Held & { readonly _tag: "Release"; readonly delayMillis: number })

/**
 * What a settlement did: `settled`; `died` (a Retry that found no attempt left); `cancelled` (a Retry, Snooze or
 * Release of a job that was asked to stop); `repeated` (this token already settled the job: nothing changed);
 * `stale` (another claim or a rescue took the job: nothing changed); `gone` (no such job: it was completed and not
 * kept, or pruned).
 */
export type SettleOutcome = "settled" | "died" | "cancelled" | "repeated" | "stale" | "gone"

/** What an extension found: `held`; `cancel` (held, and asked to stop); `lost` (stale, ended or gone: not extended). */
export type LeaseStatus = "held" | "cancel" | "lost"

/** `cancelled` at once; `requested` of the holder; `ended` before; `gone`. */
export type CancelOutcome = "cancelled" | "requested" | "ended" | "gone"

/** Lines for a job's log. `from`: how many this attempt has added before. */
export interface LogLines {
  readonly from: number
  readonly lines: ReadonlyArray<string>
}

/** Who watches: a name that is open at `Notices`, and a number of its own for this watch. */
export interface Watch {
  readonly queue: string
  readonly jobId: JobId
  readonly watcher: string
  readonly ref: number
}

/** `Ended` before, and how; `Watching`: a notice comes when it ends; `Missing`: not stored. */
export type WatchReply =
  | { readonly _tag: "Ended"; readonly ended: Ended }
  | { readonly _tag: "Watching" }
  | { readonly _tag: "Missing" }

/** Asks for work. `number` grows with every claim of this worker; asking again with the same number gives the same jobs. */
export interface ClaimRequest {
  readonly number: number
  readonly limit: number
  readonly leaseMillis: number
}

/** What has ended, and what is asked for. */
export interface ExchangeRequest {
  readonly queue: string
  /** Unique per claiming loop: names the holder, and scopes claim numbers. Printable, no comma. */
  readonly worker: string
  readonly settlements: ReadonlyArray<Settlement>
  readonly claim?: ClaimRequest | undefined
}

/** What became of the settlements, and what was claimed. */
export interface ExchangeReply {
  /** In the order of the request's settlements. */
  readonly settled: ReadonlyArray<SettleOutcome>
  readonly claimed: ReadonlyArray<ClaimedJob>
  /** Expired leases met on the way: put back, and buried for lack of attempts. */
  readonly rescued: ReadonlyArray<JobId>
  readonly buried: ReadonlyArray<JobId>
  /**
   * Time to the next known change: a job becoming visible, a lease expiring, those aside that this claim began. Absent:
   * none known.
   */
  readonly nextInMillis?: number
  /** Whether visible jobs were left behind, so that asking again is worth it. */
  readonly more: boolean
  readonly paused: boolean
  /** How members of workflows ended in this call; their workflows are to be told. **Ref** MEMBER-2 */
  readonly endings: ReadonlyArray<MemberEnding>
}

/** Jobs whose leases were over: put back, and buried for lack of attempts. */
export interface RescueReply {
  readonly rescued: ReadonlyArray<JobId>
  readonly buried: ReadonlyArray<JobId>
}

/** What may be removed, and how much in one step. */
export interface PrunePolicy {
  /** Records removed at most by this call. */
  readonly limit: number
  /** Dead letters older than this go, in milliseconds. */
  readonly deadRetainMillis: number
  /** Dead letters beyond this count go, oldest first. */
  readonly maxDead: number
  /** Completed and cancelled records beyond this count (each) go, those that would expire first, first. */
  readonly maxFinished: number
}

/**
 * Holds jobs and moves them through their states. Every method is atomic for its queue and may be repeated after a
 * lost reply (REPEAT-1). Limits are counts of jobs; no call does more work than its limits allow.
 *
 * **Ref** docs/semantics.md
 * @category jobs
 * @since 0.1.0
 */
export class JobStore extends Context.Service<
  JobStore,
  {
    /**
     * Stores jobs in order, all or none. One that exists, or whose unique key is held, is left out and reported.
     *
     * **Errors** `StoreError`: repeat the call with the same ids.
     * **Ref** ENQUEUE-1..5, UNIQUE-1..4
     */
    readonly enqueue: (
      queue: string,
      jobs: ReadonlyArray<NewJob>
    ) => Effect.Effect<ReadonlyArray<EnqueueOutcome>, StoreError>

    /**
     * Settles attempts, then claims visible jobs under a lease, in one step.
     *
     * **Shape** Expired leases are rescued and due jobs promoted first (up to 100 and 1000). Claimed in the order
     * lowest priority number, then earliest enqueued (ORDER-1). Nothing is claimed from a paused queue.
     * **Units** `leaseMillis` in milliseconds.
     * **Ref** CLAIM-1..6, FENCE-1..4, SETTLE-1..7, LEASE-1..4
     */
    readonly exchange: (request: ExchangeRequest) => Effect.Effect<ExchangeReply, StoreError>

    /**
     * Makes leases end `leaseMillis` from now, and lists the worker as alive with what it says of itself.
     *
     * **Shape** A status per lease, in order. `about` is text of the worker's own; left out, what it said last stays.
     * **Ref** LEASE-3, FENCE-2, CANCEL-2, WORKERS-1
     */
    readonly extendLeases: (request: {
      readonly queue: string
      readonly worker: string
      readonly leases: ReadonlyArray<Held>
      readonly leaseMillis: number
      readonly about?: string
    }) => Effect.Effect<ReadonlyArray<LeaseStatus>, StoreError>

    /** Ends a job that waits, or asks the holder of one that runs. **Ref** CANCEL-1..4 */
    readonly cancel: (request: {
      readonly queue: string
      readonly jobId: JobId
      readonly reason: string
    }) => Effect.Effect<CancelOutcome, StoreError>

    /** Answers how a job ended, or arranges for one notice when it does. **Ref** WATCH-1..3 */
    readonly watch: (watch: Watch) => Effect.Effect<WatchReply, StoreError>

    /** Takes a watch back. **Ref** WATCH-4 */
    readonly unwatch: (watch: Watch) => Effect.Effect<void, StoreError>

    /** Sets progress and adds log lines, both optional; answers whether the token was current. **Ref** NOTE-1..3 */
    readonly annotate: (
      request: Held & {
        readonly queue: string
        readonly progress?: string
        readonly logs?: LogLines
      }
    ) => Effect.Effect<boolean, StoreError>

    /** A job's log lines, oldest first; none when there is no such job. */
    readonly logs: (queue: string, jobId: JobId) => Effect.Effect<ReadonlyArray<string>, StoreError>

    /** Makes due scheduled and retrying jobs visible; answers how many. **Ref** DELAY-1..3 */
    readonly promote: (queue: string, limit: number) => Effect.Effect<number, StoreError>

    /** Takes jobs back whose lease expired. **Ref** LEASE-1, LEASE-2, ATTEMPT-3 */
    readonly rescue: (queue: string, limit: number) => Effect.Effect<RescueReply, StoreError>

    /**
     * Hands out endings of members that no workflow was told yet, those that wait longest, first. Nobody else is handed
     * them for 5 seconds. **Ref** MEMBER-2, MEMBER-3
     */
    readonly endings: (queue: string, limit: number) => Effect.Effect<ReadonlyArray<MemberEnding>, StoreError>

    /** Forgets endings whose workflows know them; a later ending of the same job stays. **Ref** MEMBER-3 */
    readonly forgetEndings: (
      queue: string,
      endings: ReadonlyArray<Pick<MemberEnding, "jobId" | "sequence">>
    ) => Effect.Effect<void, StoreError>

    /** Removes records whose time is over; answers how many. **Ref** RETAIN-1..4 */
    readonly prune: (queue: string, policy: PrunePolicy) => Effect.Effect<number, StoreError>

    /** Reads one job. */
    readonly get: (queue: string, jobId: JobId) => Effect.Effect<Option.Option<Job>, StoreError>
  }
>()("winterq/ports/JobStore") {}
