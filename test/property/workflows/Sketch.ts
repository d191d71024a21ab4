import * as Schema from "effect/Schema"
import fc from "fast-check"
import * as Task from "../../../src/domain/Task.ts"
import type { FailurePolicy } from "../../../src/domain/Workflow.ts"
import * as Workflow from "../../../src/domain/Workflow.ts"

/** A job of a random workflow; gives its own number. */
export class Leaf extends Task.make("model.leaf", {
  payload: { leaf: Schema.Int },
  success: Schema.Int,
  maxAttempts: 1000
}) {}

/** What is to become of a job. `redrive`: it dies once, is redriven, and completes. */
export const fates = ["complete", "snooze", "die", "redrive", "cancel", "expire"] as const
export type Fate = (typeof fates)[number]

export interface LeafPlan {
  readonly fate: Fate
  readonly queue: number
}

export type Sketch =
  | { readonly is: "job"; readonly plan: LeafPlan }
  | { readonly is: "chain" | "group"; readonly parts: ReadonlyArray<Sketch> }
  | { readonly is: "chord"; readonly parts: ReadonlyArray<Sketch>; readonly callback: Sketch }

export const maxLeaves = 25

const leaf: fc.Arbitrary<Sketch> = fc.record({
  is: fc.constant("job" as const),
  plan: fc.record({
    fate: fc.oneof(
      { weight: 12, arbitrary: fc.constant("complete" as const) },
      { weight: 2, arbitrary: fc.constant("redrive" as const) },
      { weight: 1, arbitrary: fc.constantFrom(...fates) }
    ),
    queue: fc.nat(2)
  })
})

/** Nested chains, groups and chords. */
export const sketches: fc.Arbitrary<Sketch> = fc.letrec<{ any: Sketch; job: Sketch }>((tie) => ({
  job: leaf,
  any: fc.oneof(
    { maxDepth: 3, depthSize: "medium", withCrossShrink: true },
    { weight: 1, arbitrary: tie("job") },
    {
      weight: 2,
      arbitrary: fc.record({
        is: fc.constantFrom("chain" as const, "group" as const),
        parts: fc.array(tie("any"), { minLength: 1, maxLength: 4 })
      })
    },
    {
      weight: 1,
      arbitrary: fc.record({
        is: fc.constant("chord" as const),
        parts: fc.array(tie("any"), { minLength: 1, maxLength: 4 }),
        callback: tie("any")
      })
    }
  )
})).any

/** Plans of the jobs in the order in which a workflow numbers them. */
export const plansOf = (sketch: Sketch): ReadonlyArray<LeafPlan> => {
  switch (sketch.is) {
    case "job":
      return [sketch.plan]
    case "chord":
      return [...sketch.parts, sketch.callback].flatMap(plansOf)
    default:
      return sketch.parts.flatMap(plansOf)
  }
}

/** The workflow of a sketch; each job's payload is its place among the jobs. */
export const build = (sketch: Sketch, queues: ReadonlyArray<string>): Workflow.Workflow<unknown, unknown> => {
  let next = 0
  const make = (part: Sketch): Workflow.Workflow<unknown, unknown> => {
    switch (part.is) {
      case "job":
        return Workflow.job(
          Leaf,
          { leaf: next++ },
          { queue: queues[part.plan.queue]!, ...(part.plan.fate === "expire" ? { expires: 0 } : {}) }
        )
      case "chain": {
        const [first, ...rest] = part.parts.map(make)
        return Workflow.chain(first!, ...rest)
      }
      case "group":
        return Workflow.group(part.parts.map(make))
      case "chord": {
        const headers = part.parts.map(make)
        return Workflow.chord(headers, make(part.callback))
      }
    }
  }
  return make(sketch)
}

/** A whole case: a workflow, what befalls it, and the seed of everything else. */
export interface Case {
  readonly sketch: Sketch
  readonly policy: FailurePolicy
  readonly stop: "none" | "cancel" | "deadline"
  readonly seed: number
  /** How often a call fails, a reply is lost, a call is sent twice, or its process dies: from 0 to 1. */
  readonly trouble: number
}

export const cases: fc.Arbitrary<Case> = fc.record({
  sketch: sketches.filter((sketch) => plansOf(sketch).length <= maxLeaves),
  policy: fc.constantFrom("stop" as const, "finish" as const, "continue" as const),
  stop: fc.oneof(
    { weight: 4, arbitrary: fc.constant("none" as const) },
    { weight: 1, arbitrary: fc.constantFrom("cancel" as const, "deadline" as const) }
  ),
  seed: fc.nat(),
  trouble: fc.constantFrom(0, 0.05, 0.15, 0.3)
})
