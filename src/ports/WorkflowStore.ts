import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Ended, EpochMillis, JobId, Member } from "../domain/Job.ts"
import type { FailurePolicy, NodeState, WorkflowState } from "../domain/Workflow.ts"
import type { MemberEnding, NewJob } from "./JobStore.ts"
import type { StoreError } from "./StoreError.ts"

/** What is to be enqueued for a node; id and place are added when it is. */
export interface NodeJob {
  readonly queue: string
  readonly job: Omit<NewJob, "id" | "member" | "acceptBefore">
}

/** A node to be stored. Without a job it is a join, which completes with its parents. */
export interface NewNode {
  readonly job: NodeJob | undefined
  readonly parents: ReadonlyArray<number>
  readonly children: ReadonlyArray<number>
}

/** A workflow to be stored. Everything is checked and encoded; nodes are numbered by their place. */
export interface NewWorkflow {
  readonly id: string
  readonly name: string
  readonly policy: FailurePolicy
  readonly nodes: ReadonlyArray<NewNode>
  /** The same for the same workflow, and for no other: tells a repeated start from another one with that id. */
  readonly fingerprint: string
  /** How long it is kept after it has completed or was cancelled, and after it has failed, in milliseconds. */
  readonly retainMillis: number
  readonly retainFailedMillis: number
  /** When it fails unless it has ended, in milliseconds from now. Left out: never. */
  readonly deadlineMillis?: number
}

/** A workflow that was stored just now. Times are epoch ms by the backend's clock. */
export interface Created {
  readonly _tag: "Created"
  /** The generation of all its nodes. Those without parents are to be started. */
  readonly createdAt: EpochMillis
  readonly deadlineAt?: EpochMillis
  /** When somebody looks at it, unless it is driven before. */
  readonly lookAt: EpochMillis
}

/** `Existing`: the same is stored; `Conflict`: another one has this id. Nothing changed in these two. */
export type CreateReply = Created | { readonly _tag: "Existing" } | { readonly _tag: "Conflict" }

/** Why a workflow stops before all of its nodes have run. */
export type StopCause = "failure" | "cancelled" | "deadline"

/** A node whose job is to be enqueued. */
export interface Start extends NodeJob {
  readonly member: Member
}

/** What there is to do for a workflow after it was told something. */
export interface Advance {
  readonly state: WorkflowState
  /** By the backend's clock. */
  readonly now: EpochMillis
  readonly starts: ReadonlyArray<Start>
  /** Whether more are to start; ask again with `drive`. */
  readonly more: boolean
  /**
   * Whether jobs of open nodes are to be cancelled, since the workflow stops. Those in `starts` may be stored or not:
   * they are to be stored as expired, unless they are there, so that each of them ends.
   */
  readonly stop: boolean
}

/** A workflow as a whole. Counts are of nodes with jobs; they add up to `total`. */
export interface WorkflowRecord {
  readonly id: string
  readonly name: string
  readonly state: WorkflowState
  readonly policy: FailurePolicy
  readonly total: number
  readonly waiting: number
  readonly open: number
  readonly completed: number
  /** Died or were cancelled, and counted as failures. */
  readonly failed: number
  /** Stopped by the workflow, or never started because it ended. */
  readonly stopped: number
  readonly createdAt: EpochMillis
  readonly endedAt?: EpochMillis
  readonly deadlineAt?: EpochMillis
  /** Why it stops or stopped before its end. */
  readonly stopCause?: StopCause
  /** The reason of its cancellation. */
  readonly reason?: string
  /** The node that failed first; absent when none has. */
  readonly failedNode?: number
}

/** A node of a workflow, as it stands. */
export interface NodeRecord {
  readonly node: number
  /** Absent: a join. */
  readonly kind?: string
  readonly queue?: string
  /** The job that runs it, or ran it last; absent before it started. */
  readonly jobId?: JobId
  readonly state: NodeState
  readonly parents: ReadonlyArray<number>
}

/** Workflows, newest first. */
export interface WorkflowPage {
  readonly workflows: ReadonlyArray<WorkflowRecord>
  /** Present when there may be more. */
  readonly cursor?: string
}

/** Who waits for a workflow: a name that is open at `Notices`, and a number of its own. */
export interface WorkflowWatch {
  readonly id: string
  readonly watcher: string
  readonly ref: number
}

/**
 * Holds graphs of jobs and works out who is next. It never touches a queue: whoever tells it of endings carries out what
 * it answers, and everything may be repeated.
 *
 * **Ref** docs/semantics.md WORKFLOW-1..14; docs/decisions/0008-workflows.md
 * @category workflows
 * @since 0.1.0
 */
export class WorkflowStore extends Context.Service<
  WorkflowStore,
  {
    /**
     * Stores a workflow as a whole, with its first nodes to be started.
     *
     * **Shape** Whoever is answered `Created` starts the nodes without parents; should it not come to that, `due` names
     * the workflow at `lookAt`.
     * **Ref** WORKFLOW-1, WORKFLOW-3
     */
    readonly create: (workflow: NewWorkflow) => Effect.Effect<CreateReply, StoreError>

    /**
     * Tells a workflow how members ended, and asks what is to be done.
     *
     * **Shape** `starts` are those that these endings set free, or all that are to start when `drive` is set or an
     * ending, or an earlier one of its job, was known before; at most `limit`. None: no such workflow. A deadline that
     * has passed stops it. An ending that is older than another one of its job, by its `sequence`, changes nothing.
     * **Ref** WORKFLOW-2, WORKFLOW-3, WORKFLOW-5..10
     */
    readonly advance: (request: {
      readonly id: string
      readonly endings: ReadonlyArray<Pick<MemberEnding, "member" | "ended" | "sequence">>
      readonly limit: number
      readonly drive?: boolean
      readonly stop?: { readonly cause: "cancelled" | "deadline"; readonly reason: string }
    }) => Effect.Effect<Option.Option<Advance>, StoreError>

    /** Says that jobs were enqueued. */
    readonly confirm: (id: string, started: ReadonlyArray<Member>) => Effect.Effect<void, StoreError>

    /** Jobs that have not ended, a page at a time; none unless the workflow stops. */
    readonly openJobs: (
      id: string,
      cursor: string | undefined
    ) => Effect.Effect<
      {
        readonly jobs: ReadonlyArray<{ readonly queue: string; readonly jobId: JobId }>
        readonly cursor: string | undefined
      },
      StoreError
    >

    /** Workflows that somebody should drive: started by a process that is gone, or past their deadline. */
    readonly due: (limit: number) => Effect.Effect<ReadonlyArray<string>, StoreError>
    /**
     * Says that a workflow was driven, and that nothing is outstanding but its deadline, or that it comes to its stop.
     *
     * **Shape** `created`: it is by whoever has just stored it. What others have found outstanding since stays so.
     */
    readonly driven: (id: string, created?: Created) => Effect.Effect<void, StoreError>

    readonly get: (id: string) => Effect.Effect<Option.Option<WorkflowRecord>, StoreError>
    /** Nodes by number, from one on; empty beyond the last. */
    readonly nodes: (id: string, from: number, limit: number) => Effect.Effect<ReadonlyArray<NodeRecord>, StoreError>
    /** How nodes ended, in the order asked for; nothing for one that has not. */
    readonly outcomes: (
      id: string,
      nodes: ReadonlyArray<number>
    ) => Effect.Effect<ReadonlyArray<Ended | undefined>, StoreError>

    /** Newest first, a page at a time. **Ref** WORKFLOW-12 */
    readonly list: (request: {
      readonly state?: WorkflowState
      readonly cursor?: string
      readonly limit: number
    }) => Effect.Effect<WorkflowPage, StoreError>

    /** `true`: it has ended, or is not stored. Else the watcher gets one notice when it ends. */
    readonly watch: (watch: WorkflowWatch) => Effect.Effect<boolean, StoreError>
    readonly unwatch: (watch: WorkflowWatch) => Effect.Effect<void, StoreError>

    /** Removes workflows whose time is over; answers how many. **Ref** WORKFLOW-13 */
    readonly prune: (limit: number) => Effect.Effect<number, StoreError>
  }
>()("winterq/ports/WorkflowStore") {}
