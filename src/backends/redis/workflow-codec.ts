import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Member } from "../../domain/Job.ts"
import { checkQueue } from "../../domain/limits.ts"
import { type FailurePolicy, type NodeState, type WorkflowState } from "../../domain/Workflow.ts"
import { memberJobId } from "../../domain/workflow-graph.ts"
import type { NewNode, NodeJob, NodeRecord, Start, StopCause, WorkflowRecord } from "../../ports/WorkflowStore.ts"

/** A node as the scripts keep it: children (joins marked j) LF parents LF queue,kind LF what to enqueue. */
export const encodeNode = ({ children, job, parents }: NewNode, nodes: ReadonlyArray<NewNode>): string => {
  const marked = children.map((child) => (nodes[child]!.job === undefined ? `j${child}` : String(child)))
  const links = `${marked.join(",")}\n${parents.join(",")}`
  return job === undefined ? `${links}\n\n` : `${links}\n${job.queue},${job.job.kind}\n${JSON.stringify(job.job)}`
}

const whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Instant = Schema.Union([Schema.Struct({ inMillis: whole }), Schema.Struct({ at: Schema.Finite })])

/** What `encodeNode` writes of a job. */
const StoredJob = Schema.Struct({
  kind: Schema.String,
  payload: Schema.String,
  priority: Schema.Int,
  maxAttempts: whole,
  retainMillis: whole,
  visible: Schema.optionalKey(Instant),
  expires: Schema.optionalKey(Instant),
  uniqueKey: Schema.optionalKey(Schema.String),
  uniqueUntil: Schema.optionalKey(Schema.Literals(["ended", "started"])),
  uniqueWindowMillis: Schema.optionalKey(whole),
  onDuplicate: Schema.optionalKey(Schema.Literals(["reject", "replace"])),
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  tags: Schema.optionalKey(Schema.Array(Schema.String))
})

const decodeStored = Schema.decodeUnknownResult(StoredJob)

const decodeNodeJob = (text: string): NodeJob["job"] | undefined =>
  Result.getOrUndefined(
    Result.flatMap(
      Result.try((): unknown => JSON.parse(text)),
      decodeStored
    )
  )

/** From the position on: node, generation and text in turn. Nodes whose text is not of our making are named apart. */
export const decodeStarts = (workflow: string, reply: ReadonlyArray<string>, from: number) => {
  const starts: Array<Start> = []
  const unreadable: Array<Member> = []
  for (let i = from; i + 2 < reply.length; i += 3) {
    const text = reply[i + 2]!
    const parentsAt = text.indexOf("\n") + 1
    const queueAt = text.indexOf("\n", parentsAt) + 1
    const jobAt = text.indexOf("\n", queueAt) + 1
    const member: Member = { workflow, node: Number(reply[i]), generation: Number(reply[i + 1]) }
    const queue = text.slice(queueAt, text.indexOf(",", queueAt))
    const job = jobAt === 0 || Result.isFailure(checkQueue(queue)) ? undefined : decodeNodeJob(text.slice(jobAt))
    if (job === undefined) unreadable.push(member)
    else starts.push({ member, queue, job })
  }
  return { starts, unreadable }
}

/** A workflow as workflow.lua answers it. */
export const decodeWorkflow = (
  id: string,
  [open, stopped, failures, failedNode, ...fields]: ReadonlyArray<string | number>
): WorkflowRecord => {
  const head = new Map<string, string>()
  for (let i = 0; i < fields.length; i += 2) head.set(String(fields[i]), String(fields[i + 1]))
  const text = (name: string) => head.get(name) ?? ""
  const optional = <K extends string, V>(key: K, value: string, as: (value: string) => V) =>
    value === "" ? {} : ({ [key]: as(value) } as Record<K, V>)
  const state = text("state") as WorkflowState
  const total = Number(text("total"))
  const completed = Number(text("completed"))
  const failed = Number(failures)
  const rest = total - completed - failed - Number(open) - Number(stopped)
  return {
    id,
    name: text("name"),
    state,
    policy: text("policy") as FailurePolicy,
    total,
    waiting: state === "running" ? rest : 0,
    open: Number(open),
    completed,
    failed,
    stopped: Number(stopped) + (state === "running" ? 0 : rest),
    createdAt: Number(text("created")),
    ...optional("endedAt", text("ended"), Number),
    ...optional("deadlineAt", text("deadline"), Number),
    ...optional("stopCause", text("stop"), (cause) => cause as StopCause),
    ...optional("reason", text("reason"), String),
    ...optional("failedNode", String(failedNode), Number)
  }
}

/** How often the state of a workflow has changed, as workflow.lua answers it. */
export const changesOf = ([, , , , ...fields]: ReadonlyArray<string | number>): string => {
  const at = fields.findIndex((field, i) => i % 2 === 0 && field === "changes")
  return at < 0 ? "" : String(fields[at + 1])
}

export type RawNodes = readonly [state?: WorkflowState, ...nodes: ReadonlyArray<string>]

const states: ReadonlyMap<string, NodeState> = new Map<string, NodeState>(
  Object.entries({
    w: "waiting",
    o: "open",
    c: "completed",
    d: "failed",
    x: "cancelled",
    z: "stopped"
  } as const)
)

/** Nodes as nodes.lua answers them: parents, queue and kind, letter and generation in turn. */
export const decodeNodes = (workflow: string, from: number, raw: RawNodes): ReadonlyArray<NodeRecord> => {
  const [workflowState, ...fields] = raw
  return Array.from({ length: fields.length / 3 }, (_, i): NodeRecord => {
    const [parents, what, status] = fields.slice(3 * i, 3 * i + 3) as [string, string, string]
    const node = from + i
    const known = states.get(status[0] ?? "") ?? "waiting"
    const state = known === "waiting" && workflowState !== "running" ? "skipped" : known
    const common = { node, state, parents: parents === "" ? [] : parents.split(",").map(Number) }
    if (what === "") return common
    const comma = what.indexOf(",")
    return {
      ...common,
      queue: what.slice(0, comma),
      kind: what.slice(comma + 1),
      ...(known === "waiting" ? {} : { jobId: memberJobId(workflow, node, Number.parseInt(status.slice(1), 10)) })
    }
  })
}
