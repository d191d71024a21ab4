import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { AnyQueue } from "./Sharded.ts"
import type { AnyTask, Failure, Payload, Success } from "./Task.ts"

/**
 * What a failed node means for its workflow; a node has failed when its job died or was cancelled.
 *
 * `stop`: the workflow fails, what runs is cancelled, and nothing more starts. `finish`: what does not depend on the
 * failed node still runs, then the workflow fails. `continue`: its children run as if it had completed, and see what
 * happened; the workflow completes.
 *
 * @category workflows
 * @since 0.1.0
 */
export const FailurePolicy = Schema.Literals(["stop", "finish", "continue"])
export type FailurePolicy = typeof FailurePolicy.Type

/**
 * Where a workflow is in its life. `failed` can become `running` again by a redrive of what died; the others are final.
 * @category workflows
 * @since 0.1.0
 */
export const WorkflowState = Schema.Literals(["running", "completed", "failed", "cancelled"])
export type WorkflowState = typeof WorkflowState.Type

/**
 * Where a node is. `waiting` for its parents; `open`: its job is stored and has not ended; `stopped` by the workflow,
 * which failed or was cancelled; `skipped`: the workflow ended before its parents had.
 * @category workflows
 * @since 0.1.0
 */
export const NodeState = Schema.Literals(["waiting", "open", "completed", "failed", "cancelled", "stopped", "skipped"])
export type NodeState = typeof NodeState.Type

/**
 * What can be said of a member beyond its task and payload. Anything left out comes from the task.
 * @category workflows
 * @since 0.1.0
 */
export interface MemberOptions {
  /** Where it waits: a name, or `Queues.sharded`. */
  readonly queue?: AnyQueue
  /** The key within which it keeps its order in a sharded queue, in place of what the task's `orderBy` says. */
  readonly orderKey?: string
  /** Lower runs first, -4096 to 4095. */
  readonly priority?: number
  /** Attempts allowed, the first one included. */
  readonly maxAttempts?: number
  /** How long it waits at least after its parents. */
  readonly delay?: Duration.Input
  /** The instant before which it does not run. Not together with `delay`. */
  readonly at?: DateTime.DateTime | Date | number
  /** When it expires, counted from when its parents have ended: no attempt starts from then on, it is cancelled instead. */
  readonly expires?: Duration.Input
  /** The instant at which it expires. Not together with `expires`. */
  readonly expiresAt?: DateTime.DateTime | Date | number
  /** Words to find it by; at most 16 of at most 64 characters. */
  readonly tags?: ReadonlyArray<string>
}

/** What a workflow is made of. */
export type Shape =
  | { readonly _tag: "Job"; readonly task: AnyTask; readonly payload: unknown; readonly options: MemberOptions }
  | { readonly _tag: "Chain"; readonly steps: ReadonlyArray<Shape> }
  | { readonly _tag: "Group"; readonly members: ReadonlyArray<Shape> }

/**
 * Jobs that depend on each other: what it gives when all have completed, and what it can fail with. A plain value;
 * `Workflows.start` stores it.
 * @category workflows
 * @since 0.1.0
 */
export interface Workflow<out A, out E = never> {
  readonly shape: Shape
  /** Only for the compiler. */
  readonly "~result"?: { readonly success: A; readonly failure: E }
}

type AnyWorkflow = Workflow<unknown, unknown>
type SuccessOf<W> = W extends Workflow<infer A, unknown> ? A : never
type FailureOf<W> = W extends Workflow<unknown, infer E> ? E : never
type SuccessesOf<Ws extends ReadonlyArray<AnyWorkflow>> = { readonly [K in keyof Ws]: SuccessOf<Ws[K]> }
type LastOf<Ws extends ReadonlyArray<AnyWorkflow>> = Ws extends readonly [...ReadonlyArray<AnyWorkflow>, infer L]
  ? SuccessOf<L>
  : SuccessOf<Ws[number]>

/**
 * One job. A group, chain or chord takes it, and it is a workflow of its own as well.
 * @category workflows
 * @since 0.1.0
 */
export const job = <T extends AnyTask>(
  task: T,
  payload: Payload<T>,
  options: MemberOptions = {}
): Workflow<Success<T>, Failure<T>> => ({ shape: { _tag: "Job", task, payload, options } })

/** Chains in a chain are its own steps, so that a chain made step by step does not grow deep. An empty one stays. */
const stepsOf = (steps: ReadonlyArray<AnyWorkflow>): ReadonlyArray<Shape> =>
  steps.flatMap(({ shape }) => (shape._tag === "Chain" && shape.steps.length > 0 ? shape.steps : [shape]))

/**
 * One after the other: each step starts when all of the step before has completed. Gives what the last step gives.
 * @category workflows
 * @since 0.1.0
 */
export const chain = <const Ws extends readonly [AnyWorkflow, ...ReadonlyArray<AnyWorkflow>]>(
  ...steps: Ws
): Workflow<LastOf<Ws>, FailureOf<Ws[number]>> => ({
  shape: { _tag: "Chain", steps: stepsOf(steps) }
})

/**
 * All at once, in no order. Gives what each member gives, in the order of the members.
 * @category workflows
 * @since 0.1.0
 */
export const group = <const Ws extends ReadonlyArray<AnyWorkflow>>(
  members: Ws
): Workflow<SuccessesOf<Ws>, FailureOf<Ws[number]>> => ({
  shape: { _tag: "Group", members: members.map(({ shape }) => shape) }
})

/**
 * A group, and then what its results are for. Gives what the callback gives.
 * @category workflows
 * @since 0.1.0
 */
export const chord = <const Ws extends ReadonlyArray<AnyWorkflow>, A, E>(
  headers: Ws,
  callback: Workflow<A, E>
): Workflow<A, E | FailureOf<Ws[number]>> => ({
  shape: { _tag: "Chain", steps: stepsOf([group(headers), callback]) }
})
