import * as Effect from "effect/Effect"
import { InvalidInput } from "../domain/limits.ts"
import { chain, group, type Workflow } from "../domain/Workflow.ts"
import { maxNodes } from "../domain/workflow-graph.ts"
import { rawJob } from "../features/workflows/RawWorkflows.ts"
import { invalid } from "./fields.ts"
import type { WorkflowJob, WorkflowShape } from "./gen/winter/v1/queue_service_pb.ts"
import { rawJobOf, timeOf } from "./raw-job.ts"
import type { Station } from "./Station.ts"

/** A shape as requests describe it. */

type AnyWorkflow = Workflow<unknown, unknown>

/** Lists are two messages deep, and parsers of other languages stop at a hundred. */
const maxDepth = 32

/** What reading a shape takes. */
type Reading = Pick<Station, "queues" | "settings">

const jobOf = Effect.fnUntraced(function* (job: WorkflowJob, { queues, settings }: Reading) {
  const queue = yield* queues.whole(job.queue)
  return rawJob({ ...(yield* rawJobOf(job, queue, settings)), ...(yield* timeOf(job)), queue })
})

/** Which of many jobs is wrong. */
const at =
  (path: string) =>
  ({ field, problem }: InvalidInput): InvalidInput =>
    new InvalidInput({ field: `${path}.${field}`, problem })

/** Makes a workflow of it that `Workflows.start` takes like any other. */
export const workflowOf = (root: WorkflowShape | undefined, station: Reading) => {
  let jobs = 0

  const convert = Effect.fnUntraced(function* (
    wire: WorkflowShape | undefined,
    path: string,
    depth: number
  ): Effect.fn.Return<AnyWorkflow, InvalidInput> {
    if (depth > maxDepth) return yield* invalid("shape", `must be nested no deeper than ${maxDepth}`)
    const shape = wire?.shape
    switch (shape?.case) {
      case "job":
        if (++jobs > maxNodes) return yield* invalid("shape", `must have at most ${maxNodes} jobs`)
        return yield* Effect.mapError(jobOf(shape.value, station), at(path))
      case "chain": {
        const [first, ...rest] = yield* all(shape.value.steps, `${path}.steps`, depth)
        return first === undefined ? yield* invalid(`${path}.steps`, "must not be empty") : chain(first, ...rest)
      }
      case "group": {
        const members = yield* all(shape.value.members, `${path}.members`, depth)
        return members.length === 0 ? yield* invalid(`${path}.members`, "must not be empty") : group(members)
      }
      case undefined:
        return yield* invalid(path, "is required: a job, chain or group")
    }
  })

  const all = Effect.fnUntraced(function* (
    parts: ReadonlyArray<WorkflowShape>,
    path: string,
    depth: number
  ): Effect.fn.Return<ReadonlyArray<AnyWorkflow>, InvalidInput> {
    const converted: Array<AnyWorkflow> = []
    for (const [i, part] of parts.entries()) converted.push(yield* convert(part, `${path}[${i}]`, depth + 1))
    return converted
  })

  return convert(root, "shape", 0)
}
