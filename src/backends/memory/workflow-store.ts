import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { EpochMillis } from "../../domain/Job.ts"
import type { Notice } from "../../ports/Notices.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { WorkflowGraph } from "./WorkflowGraph.ts"

/** When somebody should look at a workflow that nobody has driven to its end yet, in milliseconds. */
const lookMillis = 30_000

const openPage = 200

interface Entry {
  readonly graph: WorkflowGraph
  readonly order: number
  /** When somebody should look at it. */
  lookAt: EpochMillis
  listeners: ReadonlyArray<{ readonly watcher: string; readonly ref: number }>
}

const withNow = <A>(f: (now: EpochMillis) => A): Effect.Effect<A> =>
  Effect.clockWith((clock) => Effect.sync(() => f(clock.currentTimeMillisUnsafe())))

export const make = (notify: (name: string, notice: Notice) => void): WorkflowStore["Service"] => {
  const workflows = new Map<string, Entry>()
  let created = 0

  /** At its deadline; while it stops for good, time and again, until all its jobs have ended. */
  const nextLook = ({ deadlineAt = Infinity, state, stopCause }: WorkflowGraph, now: EpochMillis): EpochMillis => {
    if (state !== "running") return Infinity
    return stopCause === "cancelled" || stopCause === "deadline" ? now + lookMillis : deadlineAt
  }

  return WorkflowStore.of({
    create: (given) =>
      withNow((now) => {
        const existing = workflows.get(given.id)
        if (existing !== undefined) {
          return existing.graph.given.fingerprint === given.fingerprint ? "existing" : "conflict"
        }
        workflows.set(given.id, {
          graph: new WorkflowGraph(given, now),
          order: ++created,
          lookAt: now + lookMillis,
          listeners: []
        })
        return "created"
      }),
    advance: ({ drive = false, endings, id, limit, stop }) =>
      withNow((now) => {
        const entry = workflows.get(id)
        if (entry === undefined) return Option.none()
        const had = entry.graph.state
        const { ended, reply } = entry.graph.advance(endings, drive, stop, limit, now)
        if (had !== reply.state) entry.lookAt = nextLook(entry.graph, now)
        if (stop !== undefined && reply.state === "running") entry.lookAt = Math.min(entry.lookAt, now + lookMillis)
        if (ended) {
          for (const { ref, watcher } of entry.listeners) notify(watcher, { _tag: "WorkflowEnded", ref })
          entry.listeners = []
        }
        return Option.some(reply)
      }),
    confirm: (id, started) => Effect.sync(() => workflows.get(id)?.graph.confirm(started)),
    openJobs: (id, cursor) =>
      Effect.sync(
        () => workflows.get(id)?.graph.openJobs(Number(cursor ?? 0), openPage) ?? { jobs: [], cursor: undefined }
      ),
    due: (limit) =>
      withNow((now) => {
        const due = [...workflows.values()].filter((entry) => entry.lookAt <= now).slice(0, limit)
        for (const entry of due) entry.lookAt = now + lookMillis
        return due.map(({ graph }) => graph.given.id)
      }),
    driven: (id) =>
      withNow((now) => {
        const entry = workflows.get(id)
        if (entry !== undefined) entry.lookAt = nextLook(entry.graph, now)
      }),
    get: (id) => Effect.sync(() => Option.map(Option.fromNullishOr(workflows.get(id)), ({ graph }) => graph.read())),
    nodes: (id, from, limit) => Effect.sync(() => workflows.get(id)?.graph.readNodes(from, limit) ?? []),
    outcomes: (id, nodes) => Effect.sync(() => nodes.map((node) => workflows.get(id)?.graph.nodes[node]?.outcome)),
    list: ({ cursor, limit, state }) =>
      Effect.sync(() => {
        const before = cursor === undefined ? Infinity : Number(cursor)
        const found = [...workflows.values()]
          .filter(({ graph, order }) => order < before && (state === undefined || graph.state === state))
          .toSorted((a, b) => b.order - a.order)
        const page = found.slice(0, limit)
        return {
          workflows: page.map(({ graph }) => graph.read()),
          ...(found.length > limit ? { cursor: String(page.at(-1)!.order) } : {})
        }
      }),
    watch: ({ id, ref, watcher }) =>
      Effect.sync(() => {
        const entry = workflows.get(id)
        if (entry === undefined || entry.graph.state !== "running") return true
        const others = entry.listeners.filter((other) => other.ref !== ref || other.watcher !== watcher)
        entry.listeners = [...others, { watcher, ref }]
        return false
      }),
    unwatch: ({ id, ref, watcher }) =>
      Effect.sync(() => {
        const entry = workflows.get(id)
        if (entry === undefined) return
        entry.listeners = entry.listeners.filter((other) => other.ref !== ref || other.watcher !== watcher)
      }),
    prune: (limit) =>
      withNow((now) => {
        const over = [...workflows].filter(([, { graph }]) => graph.expiresAt <= now).slice(0, limit)
        for (const [id] of over) workflows.delete(id)
        return over.length
      })
  })
}
