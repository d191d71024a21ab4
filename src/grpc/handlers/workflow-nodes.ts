import type { MessageInitShape } from "@bufbuild/protobuf"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { nodeEnding, type NodeEnding, parentEndings } from "../../features/workflows/RawWorkflows.ts"
import { type NodeRecord, WorkflowMissing } from "../../features/workflows/Workflows.ts"
import { NodeNotFound } from "../errors.ts"
import { invalid, pageSizeOf, pageTokenOf, workflowIdOf } from "../fields.ts"
import { type NodeResultSchema, QueueService, WorkflowNode_State } from "../gen/winter/v1/queue_service_pb.ts"
import type { Station } from "../Station.ts"
import { endingOf } from "./jobs.ts"

const { method } = QueueService

const states = {
  waiting: WorkflowNode_State.WAITING,
  open: WorkflowNode_State.OPEN,
  completed: WorkflowNode_State.COMPLETED,
  failed: WorkflowNode_State.FAILED,
  cancelled: WorkflowNode_State.CANCELLED,
  stopped: WorkflowNode_State.STOPPED,
  skipped: WorkflowNode_State.SKIPPED
} as const satisfies Record<NodeRecord["state"], WorkflowNode_State>

const namesOf = ({ jobId = "", kind = "", node, queue = "" }: NodeRecord) => ({ node, kind, queue, jobId })

const encodeResult = ({ ended, node }: NodeEnding): MessageInitShape<typeof NodeResultSchema> => ({
  ...namesOf(node),
  ...(ended === undefined ? {} : { ending: endingOf(ended) })
})

export const nodeCalls = ({ calls, workflows }: Station) => {
  /** The node that a request names, and how it ended. */
  const lookUp = Effect.fnUntraced(function* (request: { readonly workflowId: string; readonly node: number }) {
    const id = yield* workflowIdOf(request.workflowId)
    if (request.node < 0) return yield* invalid("node", "must not be negative")
    const ending = yield* nodeEnding(id, request.node)
    if (ending !== undefined) return { id, ending }
    const record = yield* workflows.get(id)
    return yield* Option.isNone(record) ? new WorkflowMissing({ workflowId: id }) : new NodeNotFound()
  })

  return {
    getWorkflowNodes: calls.unary(
      method.getWorkflowNodes,
      Effect.fnUntraced(function* (request) {
        const id = yield* workflowIdOf(request.workflowId)
        const limit = yield* pageSizeOf(request.pageSize)
        const token = yield* pageTokenOf(request.pageToken)
        if (token !== undefined && !/^\d{1,9}$/.test(token))
          return yield* invalid("page_token", "is none that a page gave")
        const from = Number(token ?? 0)
        const nodes = yield* workflows.nodes(id, { from, limit })
        if (nodes.length === 0 && Option.isNone(yield* workflows.get(id))) {
          return yield* new WorkflowMissing({ workflowId: id })
        }
        return {
          nodes: nodes.map((node) => ({ ...namesOf(node), state: states[node.state], parents: [...node.parents] })),
          nextPageToken: nodes.length < limit ? "" : String(from + limit)
        }
      })
    ),

    getNodeResult: calls.unary(method.getNodeResult, (request) =>
      Effect.map(lookUp(request), ({ ending }) => ({ result: encodeResult(ending) }))
    ),

    getParentResults: calls.streaming(method.getParentResults, (request) =>
      Stream.unwrap(
        Effect.map(lookUp(request), ({ ending, id }) =>
          Stream.map(parentEndings(id, ending.node.node), (parent) => ({ result: encodeResult(parent) }))
        )
      )
    )
  }
}
