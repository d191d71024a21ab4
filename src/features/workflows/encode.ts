import { createHash } from "node:crypto"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { boundedText } from "../../domain/bounded-text.ts"
import { checkWorkflowId, durationMillis, InvalidInput, maxWorkflowLength } from "../../domain/limits.ts"
import { type FailurePolicy, type Shape } from "../../domain/Workflow.ts"
import { compile, isComplete, maxNodes, memberJobId } from "../../domain/workflow-graph.ts"
import type { NewNode, NewWorkflow } from "../../ports/WorkflowStore.ts"
import { prepare } from "../client/Client.ts"

/** What can be said of a workflow as a whole. */
export interface StartOptions {
  /** Makes starting idempotent: while a workflow with this id is stored, it is not started again. */
  readonly id?: string
  /** Words to find it by, up to 128 characters; the kind of its first job when left out. */
  readonly name?: string
  /** What a failed member means for it; `stop` when left out. */
  readonly onFailure?: FailurePolicy
  /** It fails, and what runs is cancelled, unless it has ended by then; never when left out. */
  readonly deadline?: Duration.Input
  /** How long it is kept after it has completed or was cancelled; 7 days when left out. */
  readonly retention?: Duration.Input
  /** How long it is kept after it has failed, so that a redrive revives it; 90 days when left out. */
  readonly retentionFailed?: Duration.Input
}

const invalid = (field: string, problem: string) => Effect.fail(new InvalidInput({ field, problem }))

const millis = (field: string, input: Duration.Input) => Effect.fromResult(durationMillis(field, input))

const encodeNodes = Effect.fnUntraced(function* (shape: Shape, workflow: string, maxPayloadBytes: number) {
  const { nodes } = compile(shape)
  if (nodes.length > maxNodes) {
    return yield* invalid("workflow", `has ${nodes.length} nodes, at most ${maxNodes} are allowed`)
  }
  let length = 0
  const encoded: Array<NewNode> = []
  for (const { children, job, parents } of nodes) {
    if (job === undefined) encoded.push({ job: undefined, parents, children })
    else {
      const { orderKey, ...options } = job.options
      const memberId = memberJobId(workflow, encoded.length, 0)
      // in a sharded queue the same workflow always goes to the same shards, so that starting it again is the same
      const batches = yield* prepare(
        job.task,
        [job.payload],
        { ...options, id: () => memberId, ...(orderKey === undefined ? {} : { orderKey: () => orderKey }) },
        maxPayloadBytes
      )
      const { jobs, queue } = batches[0]!
      const { id: _, ...rest } = jobs[0]!
      length += rest.payload.length
      if (length > maxWorkflowLength) {
        return yield* invalid("workflow", `holds more than ${maxWorkflowLength} characters of payload`)
      }
      encoded.push({ job: { queue, job: rest }, parents, children })
    }
  }
  return encoded
})

/** Headers tell of the call, a trace for one, and do not make it another workflow. */
const fingerprintOf = (nodes: ReadonlyArray<NewNode>, ...rest: ReadonlyArray<unknown>): string => {
  const hash = createHash("sha256").update(JSON.stringify(rest))
  for (const { job, parents } of nodes) {
    hash.update(JSON.stringify([parents, job?.queue, { ...job?.job, headers: undefined }]))
  }
  return hash.digest("base64url")
}

const firstKind = (nodes: ReadonlyArray<NewNode>): string => nodes[0]?.job?.job.kind ?? ""

/** Checks and encodes a workflow, so that what reaches the store is right and complete. */
export const encodeWorkflow = Effect.fnUntraced(function* (
  shape: Shape,
  id: string,
  options: StartOptions,
  maxPayloadBytes: number
) {
  yield* Effect.fromResult(checkWorkflowId(id))
  if (!isComplete(shape)) return yield* invalid("workflow", "has a chain or group with nothing in it")
  const nodes = yield* encodeNodes(shape, id, maxPayloadBytes)
  // shown in lists, so it is stored as well-formed text
  const name = boundedText(options.name ?? firstKind(nodes), 129)
  if (name.length > 128) return yield* invalid("name", "must have at most 128 characters")
  const policy = options.onFailure ?? "stop"
  const deadlineMillis = options.deadline === undefined ? undefined : yield* millis("deadline", options.deadline)
  return {
    id,
    name,
    policy,
    nodes,
    fingerprint: fingerprintOf(nodes, name, policy, deadlineMillis ?? null),
    retainMillis: yield* millis("retention", options.retention ?? "7 days"),
    retainFailedMillis: yield* millis("retentionFailed", options.retentionFailed ?? "90 days"),
    ...(deadlineMillis === undefined ? {} : { deadlineMillis })
  } satisfies NewWorkflow
})
