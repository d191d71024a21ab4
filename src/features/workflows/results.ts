import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { describe } from "../../domain/describe.ts"
import type { Ended } from "../../domain/Job.ts"
import type { AnyTask, Failure, Success } from "../../domain/Task.ts"
import type { Output } from "../../domain/workflow-graph.ts"
import { type NodeRecord, WorkflowStore } from "../../ports/WorkflowStore.ts"
import { InvalidResult } from "../client/Client.ts"
import { WorkflowFailed } from "./errors.ts"

/** Nodes read in one step. */
const pageSize = 1000

/**
 * How one parent ended, decoded: with its success, with its task's declared error, or in another way.
 * @category workflows
 * @since 0.1.0
 */
export type ParentOutcome<T extends AnyTask = AnyTask> =
  | { readonly _tag: "Completed"; readonly value: Success<T> }
  | { readonly _tag: "Failed"; readonly failure: Failure<T> }
  | { readonly _tag: "Dead"; readonly error: string }
  | { readonly _tag: "Cancelled"; readonly reason: string }

const decoded = <A>(jobId: string, exit: Exit.Exit<A, unknown>): Effect.Effect<A, InvalidResult> =>
  Exit.isSuccess(exit)
    ? Effect.succeed(exit.value)
    : Effect.fail(new InvalidResult({ jobId, problem: describe(Cause.squash(exit.cause)) }))

export const decodeOutcome = <T extends AnyTask>(
  task: T,
  jobId: string,
  ended: Ended
): Effect.Effect<ParentOutcome<T>, InvalidResult> => {
  switch (ended._tag) {
    case "Completed":
      return ended.result === undefined
        ? Effect.succeed({ _tag: "Completed", value: undefined })
        : Effect.map(decoded(jobId, task.decodeSuccess(ended.result)), (value) => ({ _tag: "Completed", value }))
    case "Dead":
      return ended.failure === undefined
        ? Effect.succeed({ _tag: "Dead", error: ended.error })
        : Effect.map(decoded(jobId, task.decodeFailure(ended.failure)), (failure) => ({ _tag: "Failed", failure }))
    case "Cancelled":
      return Effect.succeed({ _tag: "Cancelled", reason: ended.reason })
  }
}

/** Decodes how a node ended; what cannot be decoded is named by its job. */
const outcomeOf = <T extends AnyTask>(task: T, id: string, node: number, ended: Ended) =>
  decodeOutcome(task, "", ended).pipe(
    Effect.catchTag("InvalidResult", ({ problem }) =>
      Effect.flatMap(nodesOf(id, [node]), (found) =>
        Effect.fail(new InvalidResult({ jobId: found[0]?.jobId ?? "", problem }))
      )
    )
  )

/** Reads outcomes in steps, in the order asked for. */
const outcomesOf = Effect.fnUntraced(function* (id: string, nodes: ReadonlyArray<number>) {
  const store = yield* WorkflowStore
  const found: Array<Ended | undefined> = []
  for (let first = 0; first < nodes.length; first += pageSize) {
    found.push(...(yield* store.outcomes(id, nodes.slice(first, first + pageSize))))
  }
  return found
})

/** Reads nodes by number; runs of neighbours, as the members of a group are, in few steps. */
const nodesOf = Effect.fnUntraced(function* (id: string, numbers: ReadonlyArray<number>) {
  const store = yield* WorkflowStore
  const found: Array<NodeRecord> = []
  for (let i = 0; i < numbers.length;) {
    let length = 1
    while (length < pageSize && numbers[i + length] === numbers[i]! + length) length++
    found.push(...(yield* store.nodes(id, numbers[i]!, length)))
    i += length
  }
  return found
})

/** The jobs that a node waited for, in order; joins stand for theirs. */
export const parentsOf = Effect.fnUntraced(function* (id: string, node: number) {
  const parents: Array<NodeRecord> = []
  const open = [...(yield* nodesOf(id, [node])).flatMap((found) => found.parents)]
  while (open.length > 0) {
    const joins: Array<number> = []
    for (const parent of yield* nodesOf(id, open)) {
      if (parent.kind === undefined) joins.push(...parent.parents)
      else parents.push(parent)
    }
    open.splice(0, open.length, ...joins)
  }
  return parents
})

/** How the parents of a node that are jobs of a task ended, in their order. */
export const parentOutcomes = Effect.fnUntraced(function* <T extends AnyTask>(task: T, id: string, node: number) {
  const parents = (yield* parentsOf(id, node)).filter(({ kind }) => kind === task.kind)
  const ends = yield* outcomesOf(
    id,
    parents.map((parent) => parent.node)
  )
  const outcomes: Array<ParentOutcome<T>> = []
  for (const [i, ended] of ends.entries()) {
    if (ended !== undefined) outcomes.push(yield* decodeOutcome(task, parents[i]!.jobId ?? "", ended))
  }
  return outcomes
})

const leaves = (output: Output): ReadonlyArray<Extract<Output, { _tag: "Node" }>> =>
  output._tag === "Node" ? [output] : output.members.flatMap(leaves)

/** What a failed member means to whoever waits for the workflow. */
export const failureOf = (
  task: AnyTask | undefined,
  workflowId: string,
  node: number,
  ended: Ended
): Effect.Effect<never, unknown, WorkflowStore> => {
  const common = { workflowId, node, kind: task?.kind ?? "" }
  if (task !== undefined && ended._tag === "Dead" && ended.failure !== undefined) {
    return Effect.flatMap(outcomeOf(task, workflowId, node, ended), (outcome) =>
      Effect.fail(outcome._tag === "Failed" ? outcome.failure : outcome)
    )
  }
  return ended._tag === "Dead"
    ? Effect.fail(new WorkflowFailed({ ...common, reason: "job-dead", error: ended.error }))
    : Effect.fail(
        new WorkflowFailed({
          ...common,
          reason: "job-cancelled",
          error: ended._tag === "Cancelled" ? ended.reason : "its end is not known"
        })
      )
}

/** What a workflow gives, in the shape of it; fails with the first of its members that did not complete. */
export const collect = Effect.fnUntraced(function* (
  id: string,
  output: Output
): Effect.fn.Return<unknown, unknown, WorkflowStore> {
  const nodes = leaves(output)
  const ends = yield* outcomesOf(
    id,
    nodes.map(({ node }) => node)
  )
  const values: Array<unknown> = []
  for (const [i, ended] of ends.entries()) {
    const { node, task } = nodes[i]!
    if (ended?._tag !== "Completed") {
      return yield* failureOf(task, id, node, ended ?? { _tag: "Cancelled", reason: "skipped", expired: false })
    }
    const outcome = yield* outcomeOf(task, id, node, ended)
    values.push(outcome._tag === "Completed" ? outcome.value : undefined)
  }
  let next = 0
  const inShape = (part: Output): unknown => (part._tag === "Node" ? values[next++] : part.members.map(inShape))
  return inShape(output)
})
