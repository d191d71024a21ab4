import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Backoff from "../../domain/Backoff.ts"
import * as Task from "../../domain/Task.ts"
import type { MemberOptions } from "../../domain/Workflow.ts"
import * as Workflow from "../../domain/Workflow.ts"
import { memberJobId } from "../../domain/workflow-graph.ts"
import { type JobInfo, Worker, type WorkerOptions } from "../../features/worker/Worker.ts"
import { maintain, Workflows } from "../../features/workflows/Workflows.ts"
import type { NewNode, NewWorkflow } from "../../ports/WorkflowStore.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { job } from "./support.ts"
import { advanceUntil } from "./worker-support.ts"
import type { TestQueue } from "./TestQueue.ts"

/** Gives its own text; `fails` names the attempts of it that fail. */
export class Step extends Task.make("contract.step", {
  payload: { name: Schema.String },
  success: Schema.String,
  maxAttempts: 1,
  backoff: Backoff.fixed("1 second")
}) {}

/** Gives how many parents it saw. */
export class Count extends Task.make("contract.count", {
  payload: { name: Schema.String },
  success: Schema.Number,
  maxAttempts: 1
}) {}

export const step = (queue: TestQueue, name: string, options: MemberOptions = {}) =>
  Workflow.job(Step, { name }, { queue: queue.name, ...options })

export const count = (queue: TestQueue, name: string, options: MemberOptions = {}) =>
  Workflow.job(Count, { name }, { queue: queue.name, ...options })

/** Workflows of the layer under test. */
export const withWorkflows = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, Workflows.layer)

export const start = <A, E>(...args: Parameters<typeof Workflows.start<A, E>>) =>
  withWorkflows(Workflows.start<A, E>(...args))

export const stateOf = (id: string) =>
  withWorkflows(
    Effect.map(Workflows.get(id), Option.match({ onNone: () => "none", onSome: (found) => found.state as string }))
  )

/** Moves the clock until a workflow has ended. */
export const untilEnded = (id: string) => advanceUntil(Effect.map(stateOf(id), (state) => state !== "running"))

export const found = (id: string) =>
  withWorkflows(
    Effect.map(
      Workflows.get(id),
      Option.getOrThrowWith(() => new Error(`no workflow ${id}`))
    )
  )

/** What ran, in order; a step whose name is in `failing` fails. */
export interface Trace {
  readonly ran: Array<string>
  readonly failing: Set<string>
  /** What steps do instead, by name. */
  readonly does: Map<string, Effect.Effect<string, unknown>>
}

export const newTrace = (failing: ReadonlyArray<string> = []): Trace => ({
  ran: [],
  failing: new Set(failing),
  does: new Map()
})

const runStep = (trace: Trace) => (payload: { readonly name: string }, _job: JobInfo) =>
  Effect.suspend(() => {
    trace.ran.push(payload.name)
    const does = trace.does.get(payload.name)
    if (does !== undefined) return does
    return trace.failing.has(payload.name)
      ? Effect.fail(new Error(`${payload.name} fails`))
      : Effect.succeed(`did ${payload.name}`)
  })

/** A worker for steps and counts of some queues. */
export const workOn = (
  queues: ReadonlyArray<TestQueue>,
  trace: Trace,
  options: Partial<WorkerOptions<ReadonlyArray<Task.AnyTask>>> = {}
) =>
  Layer.build(
    Worker.layer({
      queues: queues.map(({ name }) => name),
      drain: 0,
      ...options,
      tasks: [Step, Count] as const
    }).pipe(
      Layer.provide(Worker.handler(Step, runStep(trace))),
      Layer.provide(
        Worker.handler(Count, (payload, job) =>
          Effect.gen(function* () {
            trace.ran.push(payload.name)
            return (yield* Workflows.parentResults(Step, job)).length
          })
        )
      )
    )
  )

/** What a worker does now and then for its queues. */
export const tidy = (...queues: ReadonlyArray<TestQueue>) => maintain(queues.map(({ name }) => name))

export const assertTotals = Effect.fnUntraced(function* (id: string) {
  const { completed, failed, open, stopped, total, waiting } = yield* found(id)
  assert.strictEqual(completed + failed + open + stopped + waiting, total, "WORKFLOW-12: counts add up to the total")
})

/** The state of each node with a job, by number. */
export const nodeStates = (id: string) =>
  Effect.map(withWorkflows(Workflows.nodes(id)), (nodes) =>
    nodes.filter(({ kind }) => kind !== undefined).map(({ state }) => state)
  )

/** The job of a node; `runs`: how often the workflow has run it anew. */
export const jobIdOf = (id: string, node: number, runs = 0) =>
  Effect.map(found(id), ({ createdAt }) => memberJobId(id, node, createdAt + runs))

/** A job to be stored for a node of a graph that is made by hand. */
export const nodeOf = (queue: TestQueue, parents: ReadonlyArray<number>, children: ReadonlyArray<number>): NewNode => {
  const { id: _, ...rest } = job("", { kind: Step.kind, payload: `{"name":"made by hand"}`, maxAttempts: 1 })
  return { job: { queue: queue.name, job: rest }, parents, children }
}

/** A workflow made by hand. */
export const graphOf = (
  id: string,
  nodes: ReadonlyArray<NewNode>,
  options: Partial<NewWorkflow> = {}
): NewWorkflow => ({
  id,
  name: "by hand",
  policy: "stop",
  nodes,
  fingerprint: id,
  retainMillis: 60_000,
  retainFailedMillis: 120_000,
  ...options
})

/** Stores it, without starting anything. */
export const create = (workflow: NewWorkflow) => WorkflowStore.use((store) => store.create(workflow))

/** A chain of two jobs, made by hand. */
export const pairOf = (queue: TestQueue, id: string, options: Partial<NewWorkflow> = {}) =>
  graphOf(id, [nodeOf(queue, [], [1]), nodeOf(queue, [0], [])], options)
