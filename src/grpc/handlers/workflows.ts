import type { MessageInitShape } from "@bufbuild/protobuf"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { WorkflowMissing, type WorkflowRecord } from "../../features/workflows/Workflows.ts"
import { instant } from "../encode-job.ts"
import { invalid, millisOf, pageSizeOf, placeOf, waitOf, workflowIdOf } from "../fields.ts"
import {
  CancelWorkflowResponse_Outcome,
  FailurePolicy,
  QueueService,
  Workflow_StopCause,
  type WorkflowSchema,
  WorkflowState
} from "../gen/winter/v1/queue_service_pb.ts"
import type { Station } from "../Station.ts"
import { inCallersTrace } from "../trace.ts"
import { workflowOf } from "../workflow-shape.ts"

const { method } = QueueService

const states = {
  running: WorkflowState.RUNNING,
  completed: WorkflowState.COMPLETED,
  failed: WorkflowState.FAILED,
  cancelled: WorkflowState.CANCELLED
} as const satisfies Record<WorkflowRecord["state"], WorkflowState>

const policies = {
  stop: FailurePolicy.STOP,
  finish: FailurePolicy.FINISH,
  continue: FailurePolicy.CONTINUE
} as const satisfies Record<WorkflowRecord["policy"], FailurePolicy>

const stopCauses = {
  failure: Workflow_StopCause.FAILURE,
  cancelled: Workflow_StopCause.CANCELLED,
  deadline: Workflow_StopCause.DEADLINE
} as const satisfies Record<NonNullable<WorkflowRecord["stopCause"]>, Workflow_StopCause>

/** What the library calls a value of the wire; nothing for the one that says nothing. */
const named = <K extends string>(field: string, names: Readonly<Record<K, number>>, value: number) => {
  if (value === 0) return Effect.succeed(undefined)
  for (const name in names) if (names[name] === value) return Effect.succeed(name)
  return invalid(field, "is not known")
}

const encodeWorkflow = (record: WorkflowRecord): MessageInitShape<typeof WorkflowSchema> => {
  const { completed, failed, failedNode, id, name, open, reason = "", stopCause, stopped, total, waiting } = record
  return {
    ...{ id, name, total, waiting, open, completed, failed, stopped, reason },
    state: states[record.state],
    onFailure: policies[record.policy],
    createdAt: instant(record.createdAt),
    endedAt: instant(record.endedAt),
    deadlineAt: instant(record.deadlineAt),
    ...(stopCause === undefined ? {} : { stopCause: stopCauses[stopCause] }),
    ...(failedNode === undefined ? {} : { failedNode })
  }
}

const found = (workflowId: string, record: Option.Option<WorkflowRecord>) =>
  Option.match(record, {
    onNone: () => Effect.fail(new WorkflowMissing({ workflowId })),
    onSome: (some) => Effect.succeed({ workflow: encodeWorkflow(some) })
  })

const defaultWaitMillis = 30_000

export const workflowCalls = ({ calls, queues, settings, stopping, workflows }: Station) => ({
  startWorkflow: calls.unary(
    method.startWorkflow,
    Effect.fnUntraced(function* (request, { metadata }) {
      const { name, retentionFailedMs, retentionMs } = request
      const id = request.workflowId === "" ? {} : { id: yield* workflowIdOf(request.workflowId) }
      const onFailure = yield* named("on_failure", policies, request.onFailure)
      const deadline = yield* millisOf("deadline_ms", request.deadlineMs)
      const options = {
        ...id,
        ...(name === "" ? {} : { name }),
        ...(onFailure === undefined ? {} : { onFailure }),
        ...(deadline === 0 ? {} : { deadline }),
        ...(retentionMs === undefined ? {} : { retention: yield* millisOf("retention_ms", retentionMs) }),
        ...(retentionFailedMs === undefined
          ? {}
          : { retentionFailed: yield* millisOf("retention_failed_ms", retentionFailedMs) })
      }
      const workflow = yield* workflowOf(request.shape, { queues, settings })
      const handle = yield* inCallersTrace(metadata, workflows.start(workflow, options))
      return { workflowId: handle.id, existing: handle.outcome === "existing" }
    })
  ),

  getWorkflow: calls.unary(
    method.getWorkflow,
    Effect.fnUntraced(function* (request) {
      const id = yield* workflowIdOf(request.workflowId)
      return yield* found(id, yield* workflows.get(id))
    })
  ),

  awaitWorkflow: calls.unary(
    method.awaitWorkflow,
    Effect.fnUntraced(function* ({ timeoutMs, workflowId }) {
      const id = yield* workflowIdOf(workflowId)
      const asked = timeoutMs <= 0n ? defaultWaitMillis : Number(timeoutMs)
      yield* workflows
        .awaitEnd(id)
        .pipe(Effect.timeoutOption(waitOf(asked, settings.maxMillis)), Effect.raceFirst(stopping.await))
      return yield* found(id, yield* workflows.get(id))
    })
  ),

  listWorkflows: calls.unary(
    method.listWorkflows,
    Effect.fnUntraced(function* (request) {
      const state = yield* named("state", states, request.state)
      const limit = yield* pageSizeOf(request.pageSize)
      const cursor = yield* placeOf(request.pageToken)
      const page = yield* workflows.list({
        limit,
        ...(state === undefined ? {} : { state }),
        ...(cursor === undefined ? {} : { cursor })
      })
      return { workflows: page.workflows.map(encodeWorkflow), nextPageToken: page.cursor ?? "" }
    })
  ),

  cancelWorkflow: calls.unary(
    method.cancelWorkflow,
    Effect.fnUntraced(function* ({ reason, workflowId }) {
      const id = yield* workflowIdOf(workflowId)
      const outcome = yield* workflows.cancel(id, reason === "" ? "cancelled by a client" : reason)
      switch (outcome) {
        case "missing":
          return yield* new WorkflowMissing({ workflowId: id })
        case "ended":
          return { outcome: CancelWorkflowResponse_Outcome.ENDED }
        case "requested":
          return { outcome: CancelWorkflowResponse_Outcome.REQUESTED }
      }
    })
  )
})
