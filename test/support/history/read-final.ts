import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Job, JobId, JobState } from "../../../src/domain/Job.ts"
import { JobStore } from "../../../src/ports/JobStore.ts"
import { QueueControl } from "../../../src/ports/QueueControl.ts"
import { WorkflowStore } from "../../../src/ports/WorkflowStore.ts"
import type { CallEvent, Event, FinalState, QueueView, WorkflowView } from "./History.ts"

const states = ["scheduled", "pending", "active", "retry", "completed", "cancelled", "dead"] as const

const readList = Effect.fnUntraced(function* (queue: string, state: JobState) {
  const control = yield* QueueControl
  const jobs: Array<Job> = []
  let cursor: string | undefined
  do {
    const page = yield* control.list({ queue, state, limit: 1000, ...(cursor === undefined ? {} : { cursor }) })
    jobs.push(...page.jobs)
    cursor = page.cursor
  } while (cursor !== undefined)
  return jobs
})

/** Reads one queue through its ports, and each of these jobs by itself. */
const readQueue = Effect.fnUntraced(function* (queue: string, ids: ReadonlyArray<JobId>) {
  const control = yield* QueueControl
  const store = yield* JobStore
  const lists = Object.fromEntries(
    yield* Effect.forEach(states, (state) => Effect.map(readList(queue, state), (jobs) => [state, jobs] as const))
  ) as unknown as QueueView["lists"]
  const found = yield* Effect.forEach(ids, (id) => store.get(queue, id), { concurrency: 64 })
  const jobs: Record<JobId, Job> = {}
  for (const job of found) if (Option.isSome(job)) jobs[job.value.id] = job.value
  const depths = yield* control.depths(queue)
  const counters = yield* control.counters(queue)
  return { queue, lists, jobs, depths, counters } satisfies QueueView
})

const readWorkflow = Effect.fnUntraced(function* (id: string) {
  const store = yield* WorkflowStore
  const record = yield* store.get(id)
  if (Option.isNone(record)) return Option.none<WorkflowView>()
  const nodes: Array<WorkflowView["nodes"][number]> = []
  for (;;) {
    const page = yield* store.nodes(id, nodes.length, 1000)
    if (page.length === 0) return Option.some<WorkflowView>({ record: record.value, nodes })
    nodes.push(...page)
  }
})

/** The jobs that a call was to store, and where. */
const storingOf = (call: Extract<CallEvent<"enqueue" | "tick" | "trigger">, { readonly _tag: "Called" }>) => {
  if (call.op === "enqueue") return call.args
  const [request] = call.args
  const job = "job" in request ? request.job : request.fire?.job
  return [request.queue, job === undefined ? [] : [job]] as const
}

/** What the stores hold of everything that the events speak of. Nothing else may change them meanwhile. */
export const readFinal = Effect.fnUntraced(function* (events: ReadonlyArray<Event>) {
  const queues = new Map<string, Set<JobId>>()
  const workflows = new Set<string>()
  for (const event of events) {
    if (event._tag !== "Called") continue
    if (event.op === "enqueue" || event.op === "tick" || event.op === "trigger") {
      const [queue, jobs] = storingOf(event)
      const ids = queues.get(queue) ?? new Set()
      queues.set(queue, ids)
      for (const job of jobs) ids.add(job.id)
    } else if (event.op === "create") workflows.add(event.args[0].id)
  }
  const views = yield* Effect.forEach(queues, ([queue, ids]) => readQueue(queue, [...ids]))
  const found = yield* Effect.forEach(workflows, readWorkflow)
  return { queues: views, workflows: found.filter(Option.isSome).map(({ value }) => value) } satisfies FinalState
})
