import type { FailurePolicy, WorkflowState } from "../../../src/domain/Workflow.ts"
import type { Fate, LeafPlan, Sketch } from "./Sketch.ts"

/** How a workflow must end when nobody stops it: its state, and that of each job, in order. */
export interface Verdict {
  readonly state: WorkflowState
  readonly leaves: ReadonlyArray<"completed" | "failed" | "cancelled" | "skipped">
}

const endOf: Readonly<Record<Fate, "completed" | "failed" | "cancelled">> = {
  complete: "completed",
  snooze: "completed",
  redrive: "completed",
  die: "failed",
  cancel: "cancelled",
  expire: "cancelled"
}

/**
 * Evaluates a workflow as the nested expression that it is: a part runs when what stands before it has completed, or,
 * with `continue`, always. No graph, no joins, no order of events.
 */
export const evaluate = (sketch: Sketch, policy: FailurePolicy, fateOf: (leaf: number, plan: LeafPlan) => Fate) => {
  const leaves: Array<Verdict["leaves"][number]> = []

  /** Answers whether what comes after may run. */
  const run = (part: Sketch, mayRun: boolean): boolean => {
    switch (part.is) {
      case "job": {
        const end = mayRun ? endOf[fateOf(leaves.length, part.plan)] : "skipped"
        leaves.push(end)
        return end === "completed" || (policy === "continue" && end !== "skipped")
      }
      case "chain":
        return part.parts.reduce((may, step) => run(step, may), mayRun)
      case "group":
        return part.parts.map((member) => run(member, mayRun)).every(Boolean)
      case "chord": {
        const may = part.parts.map((member) => run(member, mayRun)).every(Boolean)
        return run(part.callback, may)
      }
    }
  }

  run(sketch, true)
  const hasFailed = leaves.some((end) => end !== "completed")
  return { state: hasFailed && policy !== "continue" ? "failed" : "completed", leaves } satisfies Verdict
}

/** For each job, the jobs that stand directly before it. */
export const parentsOf = (sketch: Sketch): ReadonlyArray<ReadonlyArray<number>> => {
  const parents: Array<ReadonlyArray<number>> = []
  const lay = (part: Sketch, before: ReadonlyArray<number>): ReadonlyArray<number> => {
    switch (part.is) {
      case "job":
        parents.push(before)
        return [parents.length - 1]
      case "chain":
        return part.parts.reduce((ends, step) => lay(step, ends), before)
      case "group":
        return part.parts.flatMap((member) => lay(member, before))
      case "chord": {
        const ends = part.parts.flatMap((member) => lay(member, before))
        return lay(part.callback, ends)
      }
    }
  }
  lay(sketch, [])
  return parents
}
