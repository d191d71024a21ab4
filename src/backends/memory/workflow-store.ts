import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { boundedText } from "../../domain/bounded-text.ts"
import type { EpochMillis } from "../../domain/Job.ts"
import { checkWorker, checkWorkflowId } from "../../domain/limits.ts"
import { checkScanCursor, parsePlace } from "../../ports/checks.ts"
import type { Notice } from "../../ports/Notices.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { attempt, attemptNow } from "./attempt.ts"
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

/** Ids stand in names of keys elsewhere, so what cannot be one there is none here either. */
const known = (id: string): string => {
  Result.getOrThrow(checkWorkflowId(id))
  return id
}

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
      attemptNow("create", (now) => {
        const existing = workflows.get(known(given.id))
        if (existing !== undefined) {
          return { _tag: existing.graph.given.fingerprint === given.fingerprint ? "Existing" : "Conflict" } as const
        }
        const graph = new WorkflowGraph(given, now)
        const lookAt = now + lookMillis
        workflows.set(given.id, { graph, order: ++created, lookAt, listeners: [] })
        const { deadlineAt } = graph
        return { _tag: "Created", createdAt: now, lookAt, ...(deadlineAt === undefined ? {} : { deadlineAt }) } as const
      }),
    advance: ({ drive = false, endings, id, limit, stop }) =>
      attemptNow("advance", (now) => {
        const entry = workflows.get(known(id))
        if (entry === undefined) return Option.none()
        const had = entry.graph.state
        const { ended, reply } = entry.graph.advance(
          endings,
          drive,
          stop && { ...stop, reason: boundedText(stop.reason) },
          limit,
          now
        )
        if (had !== reply.state) entry.lookAt = nextLook(entry.graph, now)
        if (stop !== undefined && reply.state === "running") entry.lookAt = Math.min(entry.lookAt, now + lookMillis)
        if (ended) {
          for (const { ref, watcher } of entry.listeners) notify(watcher, { _tag: "WorkflowEnded", ref })
          entry.listeners = []
        }
        return Option.some(reply)
      }),
    confirm: (id, started) => attempt("confirm", () => workflows.get(known(id))?.graph.confirm(started)),
    openJobs: (id, cursor = "0") =>
      attempt("openJobs", () => {
        Result.getOrThrow(checkScanCursor(cursor))
        return workflows.get(known(id))?.graph.openJobs(Number(cursor), openPage) ?? { jobs: [], cursor: undefined }
      }),
    due: (limit) =>
      attemptNow("due", (now) => {
        const due = [...workflows.values()].filter((entry) => entry.lookAt <= now).slice(0, limit)
        for (const entry of due) entry.lookAt = now + lookMillis
        return due.map(({ graph }) => graph.given.id)
      }),
    driven: (id) =>
      attemptNow("driven", (now) => {
        const entry = workflows.get(known(id))
        if (entry !== undefined) entry.lookAt = nextLook(entry.graph, now)
      }),
    get: (id) =>
      attempt("get", () => Option.map(Option.fromNullishOr(workflows.get(known(id))), ({ graph }) => graph.read())),
    nodes: (id, from, limit) => attempt("nodes", () => workflows.get(known(id))?.graph.readNodes(from, limit) ?? []),
    outcomes: (id, nodes) =>
      attempt("outcomes", () => nodes.map((node) => workflows.get(known(id))?.graph.nodes[node]?.outcome)),
    list: ({ cursor, limit, state }) =>
      attempt("list", () => {
        const before = cursor === undefined ? Infinity : Result.getOrThrow(parsePlace(cursor)).score
        const found = [...workflows.values()]
          .filter(({ graph, order }) => order < before && (state === undefined || graph.state === state))
          .toSorted((a, b) => b.order - a.order)
        const page = found.slice(0, limit)
        return {
          workflows: page.map(({ graph }) => graph.read()),
          ...(found.length > limit ? { cursor: `${page.at(-1)!.order}:${page.at(-1)!.graph.given.id}` } : {})
        }
      }),
    watch: ({ id, ref, watcher }) =>
      attempt("watch", () => {
        Result.getOrThrow(checkWorker(watcher))
        const entry = workflows.get(known(id))
        if (entry === undefined || entry.graph.state !== "running") return true
        const others = entry.listeners.filter((other) => other.ref !== ref || other.watcher !== watcher)
        entry.listeners = [...others, { watcher, ref }]
        return false
      }),
    unwatch: ({ id, ref, watcher }) =>
      attempt("unwatch", () => {
        const entry = workflows.get(known(id))
        if (entry === undefined) return
        entry.listeners = entry.listeners.filter((other) => other.ref !== ref || other.watcher !== watcher)
      }),
    prune: (limit) =>
      attemptNow("prune", (now) => {
        const over = [...workflows].filter(([, { graph }]) => graph.expiresAt <= now).slice(0, limit)
        for (const [id] of over) workflows.delete(id)
        return over.length
      })
  })
}
