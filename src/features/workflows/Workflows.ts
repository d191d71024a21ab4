import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { JobId, Member } from "../../domain/Job.ts"
import { defaultMaxPayloadBytes, InvalidInput } from "../../domain/limits.ts"
import type { AnyTask, Success } from "../../domain/Task.ts"
import { type Workflow, type WorkflowState } from "../../domain/Workflow.ts"
import { compile } from "../../domain/workflow-graph.ts"
import { JobIds } from "../../ports/JobIds.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { type NodeRecord, type WorkflowPage, type WorkflowRecord, WorkflowStore } from "../../ports/WorkflowStore.ts"
import type { EnqueueError, InvalidResult } from "../client/Client.ts"
import { encodeWorkflow, type StartOptions } from "./encode.ts"
import * as Ends from "./Ends.ts"
import { NoMember, WorkflowCancelled, WorkflowConflict, WorkflowFailed, WorkflowMissing } from "./errors.ts"
import { begin, carryOut, drive } from "./relay.ts"
import { collect, failureOf, parentOutcomes, type ParentOutcome } from "./results.ts"

export type { StartOptions } from "./encode.ts"
export { NoMember, WorkflowCancelled, WorkflowConflict, WorkflowFailed, WorkflowMissing } from "./errors.ts"
export { maintain } from "./maintain.ts"
export { relay, type Relayed } from "./relay.ts"
export type { ParentOutcome } from "./results.ts"
export type { NodeRecord, WorkflowPage, WorkflowRecord } from "../../ports/WorkflowStore.ts"

/** Points at a workflow. `existing`: the same was started under this id before. */
export interface WorkflowHandle<out A = unknown, out E = unknown> {
  readonly id: string
  readonly workflow: Workflow<A, E>
  readonly outcome: "started" | "existing"
}

/** What `awaitResult` can fail with besides the declared errors of the workflow's tasks. */
export type AwaitWorkflowError = WorkflowFailed | WorkflowCancelled | WorkflowMissing | InvalidResult | StoreError

/** A job as a handler knows it, or anything else that names a member. */
type MemberJob = { readonly id: JobId; readonly member?: Member }

interface WorkflowsShape {
  /**
   * Stores a workflow as a whole, and enqueues what has no parents.
   *
   * **Shape** Succeeds once the workflow is stored; from then on it goes on whatever becomes of this process.
   * **Units** at most 50 000 nodes.
   * **Errors** `InvalidInput`, `InvalidPayload`, `PayloadTooLarge`, `WorkflowConflict`: nothing was started.
   * `StoreError`: unknown; repeat the call with the same `id` and it is started once.
   * **Example** examples/workflow-chain.ts
   * **Ref** docs/semantics.md WORKFLOW-1..4, WORKFLOW-14
   */
  readonly start: <A, E>(
    workflow: Workflow<A, E>,
    options?: StartOptions
  ) => Effect.Effect<WorkflowHandle<A, E>, EnqueueError | WorkflowConflict>

  /**
   * Waits until a workflow has ended, and gives its result: what its last step gives, or its group's members in order.
   *
   * **Shape** Told by the store; looks by itself every 10 seconds in case that is lost. Bound it with `Effect.timeout`.
   * **Errors** the declared error of the member that failed, typed; `WorkflowFailed` for any other failure and for a
   * deadline; `WorkflowCancelled`; `WorkflowMissing`; `InvalidResult`; `StoreError`.
   * **Example** examples/workflow-chord.ts
   * **Ref** docs/semantics.md WORKFLOW-11
   */
  readonly awaitResult: <A, E>(
    handle: Pick<WorkflowHandle<A, E>, "id" | "workflow">
  ) => Effect.Effect<A, E | AwaitWorkflowError>

  /** Waits until a workflow has ended, and tells how it stands; nothing when there is none. **Ref** WORKFLOW-11 */
  readonly awaitEnd: (id: string) => Effect.Effect<Option.Option<WorkflowRecord>, StoreError>

  /**
   * Stops a workflow: what runs is cancelled, and nothing more starts.
   *
   * **Shape** `requested`; `ended` before; `missing`.
   * **Ref** docs/semantics.md WORKFLOW-8
   */
  readonly cancel: (id: string, reason?: string) => Effect.Effect<"requested" | "ended" | "missing", StoreError>

  /** How a workflow stands. */
  readonly get: (id: string) => Effect.Effect<Option.Option<WorkflowRecord>, StoreError>

  /** Its nodes by number, `limit` (1000 when left out) from `from` (0) on; empty beyond the last. */
  readonly nodes: (
    id: string,
    page?: { readonly from?: number; readonly limit?: number }
  ) => Effect.Effect<ReadonlyArray<NodeRecord>, InvalidInput | StoreError>

  /** Workflows, newest first: 100 unless `limit` says otherwise, of one state if asked for. **Ref** WORKFLOW-12 */
  readonly list: (request?: {
    readonly state?: WorkflowState
    readonly cursor?: string
    readonly limit?: number
  }) => Effect.Effect<WorkflowPage, InvalidInput | StoreError>
}

/**
 * Starts and steers workflows: jobs that run after one another, together, or when others have completed.
 *
 * @category workflows
 * @since 0.1.0
 */
export class Workflows extends Context.Service<Workflows, WorkflowsShape>()("winterq/features/workflows/Workflows") {
  static readonly start = <A, E>(workflow: Workflow<A, E>, options?: StartOptions) =>
    Workflows.use((workflows) => workflows.start(workflow, options))

  static readonly awaitResult = <A, E>(handle: Pick<WorkflowHandle<A, E>, "id" | "workflow">) =>
    Workflows.use((workflows) => workflows.awaitResult(handle))

  static readonly awaitEnd = (id: string) => Workflows.use((workflows) => workflows.awaitEnd(id))

  static readonly cancel = (id: string, reason?: string) => Workflows.use((workflows) => workflows.cancel(id, reason))

  static readonly get = (id: string) => Workflows.use((workflows) => workflows.get(id))

  static readonly nodes: WorkflowsNodes = (id, page) => Workflows.use((workflows) => workflows.nodes(id, page))

  static readonly list: WorkflowsList = (request) => Workflows.use((workflows) => workflows.list(request))

  /**
   * What those of a job's parents gave that are jobs of a task, in their order. Parents that did not complete, which
   * there are with `continue`, are left out.
   *
   * **Shape** `const builds = yield* Workflows.parentResults(Build, job)` in a handler.
   * **Errors** `NoMember` for a job that is in no workflow; `InvalidResult`; `StoreError`.
   * **Example** examples/workflow-chord.ts
   * **Ref** docs/semantics.md WORKFLOW-10
   */
  static readonly parentResults = <T extends AnyTask>(
    task: T,
    job: MemberJob
  ): Effect.Effect<ReadonlyArray<Success<T>>, NoMember | InvalidResult | StoreError, WorkflowStore> =>
    Effect.map(Workflows.parentOutcomes(task, job), (outcomes) =>
      outcomes.flatMap((outcome) => (outcome._tag === "Completed" ? [outcome.value] : []))
    )

  /** The same with how each of them ended. */
  static readonly parentOutcomes = <T extends AnyTask>(
    task: T,
    { id, member }: MemberJob
  ): Effect.Effect<ReadonlyArray<ParentOutcome<T>>, NoMember | InvalidResult | StoreError, WorkflowStore> =>
    member === undefined ? Effect.fail(new NoMember({ jobId: id })) : parentOutcomes(task, member.workflow, member.node)

  /** `maxPayloadBytes`: largest encoded payload of a member, in bytes of UTF-8; 512 KiB when left out. */
  static readonly layerWith = (options: {
    readonly maxPayloadBytes?: number
  }): Layer.Layer<Workflows, never, JobStore | WorkflowStore | Notices> =>
    Layer.effect(
      Workflows,
      Effect.suspend(() => make(options.maxPayloadBytes ?? defaultMaxPayloadBytes))
    )

  static readonly layer: Layer.Layer<Workflows, never, JobStore | WorkflowStore | Notices> = Workflows.layerWith({})
}

type WorkflowsNodes = (
  ...args: Parameters<WorkflowsShape["nodes"]>
) => Effect.Effect<ReadonlyArray<NodeRecord>, InvalidInput | StoreError, Workflows>

type WorkflowsList = (
  ...args: Parameters<WorkflowsShape["list"]>
) => Effect.Effect<WorkflowPage, InvalidInput | StoreError, Workflows>

const checkCount = (field: string, count: number, least: number, most: number) =>
  Number.isInteger(count) && count >= least && count <= most
    ? Effect.void
    : Effect.fail(new InvalidInput({ field, problem: `must be an integer from ${least} to ${most}, not ${count}` }))

const make = Effect.fnUntraced(function* (maxPayloadBytes: number) {
  const store = yield* WorkflowStore
  const jobs = yield* JobStore
  const ends = yield* Ends.make(store, yield* Notices)
  const onStores = <A, E>(effect: Effect.Effect<A, E, JobStore | WorkflowStore>): Effect.Effect<A, E> =>
    effect.pipe(Effect.provideService(JobStore, jobs), Effect.provideService(WorkflowStore, store))

  const start = Effect.fnUntraced(function* <A, E>(workflow: Workflow<A, E>, options: StartOptions = {}) {
    const ids = yield* JobIds
    const id = options.id ?? (yield* ids.next)
    const encoded = yield* encodeWorkflow(workflow.shape, id, options, maxPayloadBytes)
    const reply = yield* store.create(encoded)
    if (reply._tag === "Conflict") return yield* new WorkflowConflict({ workflowId: id })
    // it is stored, and goes on whoever enqueues its first jobs
    yield* onStores(reply._tag === "Created" ? begin(encoded, reply) : drive(id)).pipe(
      Effect.catch((error) =>
        Effect.logDebug(`workflow ${id} is stored, and somebody else starts it: ${error.message}`)
      )
    )
    return { id, workflow, outcome: reply._tag === "Created" ? ("started" as const) : ("existing" as const) }
  })

  const awaitEnd = (id: string) => Effect.andThen(ends.wait(id), store.get(id))

  const awaitResult = Effect.fnUntraced(function* <A, E>({
    id,
    workflow
  }: Pick<WorkflowHandle<A, E>, "id" | "workflow">): Effect.fn.Return<unknown, unknown> {
    const found = yield* awaitEnd(id)
    if (Option.isNone(found)) return yield* new WorkflowMissing({ workflowId: id })
    const { failedNode, reason, state, stopCause } = found.value
    if (state === "cancelled") return yield* new WorkflowCancelled({ workflowId: id, reason: reason ?? "" })
    if (stopCause === "deadline") {
      return yield* new WorkflowFailed({ workflowId: id, reason: "deadline", error: "it had not ended in time" })
    }
    const graph = compile(workflow.shape)
    if (state === "failed" && failedNode !== undefined) {
      const [ended] = yield* store.outcomes(id, [failedNode])
      if (ended !== undefined) {
        return yield* onStores(failureOf(graph.nodes[failedNode]?.job?.task, id, failedNode, ended))
      }
    }
    return yield* onStores(collect(id, graph.output))
  })

  const cancel = Effect.fnUntraced(function* (id: string, reason = "cancelled by the client") {
    const found = yield* store.get(id)
    if (Option.isNone(found)) return "missing" as const
    if (found.value.state !== "running") return "ended" as const
    // with all that is outstanding: whoever cancelled it before may not have come to that
    const stop = { cause: "cancelled", reason } as const
    const advance = yield* store.advance({ id, endings: [], limit: 500, drive: true, stop })
    if (Option.isNone(advance)) return "missing" as const
    yield* onStores(carryOut(id, advance.value, store.driven(id)))
    return "requested" as const
  })

  return Workflows.of({
    start,
    awaitResult: awaitResult as WorkflowsShape["awaitResult"],
    awaitEnd,
    cancel,
    get: store.get,
    nodes: (id, { from = 0, limit = 1000 } = {}) =>
      checkCount("from", from, 0, Number.MAX_SAFE_INTEGER).pipe(
        Effect.andThen(checkCount("limit", limit, 1, 5000)),
        Effect.andThen(store.nodes(id, from, limit))
      ),
    list: ({ limit = 100, ...request } = {}) =>
      Effect.andThen(checkCount("limit", limit, 1, 1000), store.list({ ...request, limit }))
  })
})
