import { createHash } from "node:crypto"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { durationMillis, InvalidInput } from "../../domain/limits.ts"
import {
  compile,
  type FailurePolicy,
  isComplete,
  maxNodes,
  maxWorkflowIdLength,
  type Shape
} from "../../domain/Workflow.ts"
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

const idPattern = new RegExp(`^[A-Za-z0-9._:@/+=-]{1,${maxWorkflowIdLength}}$`)

const invalid = (field: string, problem: string) => Effect.fail(new InvalidInput({ field, problem }))

export const checkWorkflowId = (id: string): Effect.Effect<void, InvalidInput> =>
  idPattern.test(id)
    ? Effect.void
    : invalid("id", `must be 1 to ${maxWorkflowIdLength} of A-Z a-z 0-9 . _ : @ / + = -, not ${id.slice(0, 40)}`)

const millis = (field: string, input: Duration.Input) => Effect.fromResult(durationMillis(field, input))

const encodeNodes = Effect.fnUntraced(function* (shape: Shape, maxPayloadBytes: number) {
  const { nodes } = compile(shape)
  if (nodes.length > maxNodes) {
    return yield* invalid("workflow", `has ${nodes.length} nodes, at most ${maxNodes} are allowed`)
  }
  return yield* Effect.forEach(nodes, ({ children, job, parents }) =>
    job === undefined
      ? Effect.succeed<NewNode>({ job: undefined, parents, children })
      : Effect.map(prepare(job.task, [job.payload], job.options, maxPayloadBytes), ({ jobs, queue }): NewNode => {
          const { id: _, ...rest } = jobs[0]!
          return { job: { queue, job: rest }, parents, children }
        })
  )
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
  yield* checkWorkflowId(id)
  if (!isComplete(shape)) return yield* invalid("workflow", "has a chain or group with nothing in it")
  const nodes = yield* encodeNodes(shape, maxPayloadBytes)
  const name = options.name ?? firstKind(nodes)
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
