import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Ended } from "../../domain/Job.ts"
import { job, type MemberOptions, type Workflow } from "../../domain/Workflow.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { type NodeRecord, WorkflowStore } from "../../ports/WorkflowStore.ts"
import { type RawJob, rawTask } from "../client/RawJobs.ts"
import { parentsOf } from "./results.ts"

/** A job of a workflow that comes from outside, its payload encoded already: its kind need not be known here. */
export interface RawMember extends Pick<RawJob, "kind" | "payload" | "retentionMillis">, MemberOptions {}

/** That job as `Workflow.chain`, `Workflow.group` and `Workflows.start` take it. */
export const rawJob = ({ kind, payload, retentionMillis, ...options }: RawMember): Workflow<unknown, unknown> =>
  job(rawTask({ kind, retentionMillis }), payload, options)

/** A node, and how it ended, encoded; nothing when it has not. */
export interface NodeEnding {
  readonly node: NodeRecord
  readonly ended: Ended | undefined
}

/** Results are as large as handlers make them: few are held at once. */
const pageSize = 100

const withEndings = Effect.fnUntraced(function* (id: string, nodes: ReadonlyArray<NodeRecord>) {
  const store = yield* WorkflowStore
  const ends = yield* store.outcomes(
    id,
    nodes.map(({ node }) => node)
  )
  return nodes.map((node, i): NodeEnding => ({ node, ended: ends[i] }))
})

/** How a node ended; nothing when there is no such node, or workflow. */
export const nodeEnding = Effect.fnUntraced(function* (id: string, node: number) {
  const store = yield* WorkflowStore
  const [ending] = yield* withEndings(id, yield* store.nodes(id, node, 1))
  return ending
})

/**
 * How the jobs ended that a node waited for, in their order; joins stand for theirs. What `Workflows.parentOutcomes`
 * decodes.
 *
 * **Ref** docs/semantics.md WORKFLOW-10
 */
export const parentEndings = (id: string, node: number): Stream.Stream<NodeEnding, StoreError, WorkflowStore> =>
  Stream.fromIterableEffect(parentsOf(id, node)).pipe(
    Stream.grouped(pageSize),
    Stream.mapEffect((parents) => withEndings(id, parents)),
    Stream.flattenIterable
  )
