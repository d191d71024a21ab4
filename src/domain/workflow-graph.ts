import type { AnyTask } from "./Task.ts"
import type { Shape } from "./Workflow.ts"

/** A node as the graph has it. One without a job is a join: many parents for many children, at the cost of one. */
export interface GraphNode {
  readonly job: Extract<Shape, { _tag: "Job" }> | undefined
  readonly parents: ReadonlyArray<number>
  readonly children: ReadonlyArray<number>
}

/** Which nodes' results make up what a workflow gives, in the shape of it. */
export type Output =
  | { readonly _tag: "Node"; readonly node: number; readonly task: AnyTask }
  | { readonly _tag: "All"; readonly members: ReadonlyArray<Output> }

export interface Graph {
  /** Numbered by their place; parents come before their children. */
  readonly nodes: ReadonlyArray<GraphNode>
  readonly output: Output
}

const hasManyRoots = (shape: Shape): boolean => {
  if (shape._tag === "Job") return false
  if (shape._tag === "Chain") return hasManyRoots(shape.steps[0]!)
  return shape.members.length > 1 || hasManyRoots(shape.members[0]!)
}

/** Whether every list of it has something in it. */
export const isComplete = (shape: Shape): boolean => {
  if (shape._tag === "Job") return true
  const parts = shape._tag === "Chain" ? shape.steps : shape.members
  return parts.length > 0 && parts.every(isComplete)
}

/**
 * Compiles nested chains and groups to one graph. The same shape always gives the same numbers.
 *
 * **Shape** Where a step with many ends meets a step with many beginnings, a join stands between them, so that there
 * are as many edges as nodes and not as many as pairs.
 */
export const compile = (shape: Shape): Graph => {
  const nodes: Array<{ job: GraphNode["job"]; parents: ReadonlyArray<number>; children: Array<number> }> = []

  const add = (node: GraphNode["job"], parents: ReadonlyArray<number>): number => {
    const number = nodes.length
    nodes.push({ job: node, parents, children: [] })
    for (const parent of parents) nodes[parent]!.children.push(number)
    return number
  }

  /** Adds a part under its parents; answers where it ends and what it gives. */
  const lay = (part: Shape, parents: ReadonlyArray<number>): { ends: ReadonlyArray<number>; output: Output } => {
    switch (part._tag) {
      case "Job": {
        const node = add(part, parents)
        return { ends: [node], output: { _tag: "Node", node, task: part.task } }
      }
      case "Chain": {
        let last = lay(part.steps[0]!, parents)
        for (const step of part.steps.slice(1)) {
          const meets = last.ends.length > 1 && hasManyRoots(step)
          last = lay(step, meets ? [add(undefined, last.ends)] : last.ends)
        }
        return last
      }
      case "Group": {
        const laid = part.members.map((member) => lay(member, parents))
        return {
          ends: laid.flatMap(({ ends }) => ends),
          output: { _tag: "All", members: laid.map(({ output }) => output) }
        }
      }
    }
  }

  const { output } = lay(shape, [])
  return { nodes, output }
}

/** The id of the job that runs a node; at most 15 characters longer than the workflow's. */
export const memberJobId = (workflow: string, node: number, generation: number): string =>
  `${workflow}.${node}.${generation.toString(36)}`

/** Most nodes of one workflow, joins included, so that no script runs long. */
export const maxNodes = 50_000
