import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { boundedText } from "../../domain/bounded-text.ts"
import type { Ended, EpochMillis } from "../../domain/Job.ts"
import { checkWorker, checkWorkflowId } from "../../domain/limits.ts"
import { type WorkflowState } from "../../domain/Workflow.ts"
import { memberJobId } from "../../domain/workflow-graph.ts"
import { checkScanCursor, parsePlace, refusalOf, refused } from "../../ports/checks.ts"
import {
  type Advance,
  type Created,
  type CreateReply,
  type NewNode,
  type NewWorkflow,
  WorkflowStore,
  type WorkflowWatch
} from "../../ports/WorkflowStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { decodeEnded, encodeEnded } from "./codec.ts"
import { scripts } from "./scripts/index.ts"
import type { Workflows } from "./Workflows.ts"
import { changesOf, decodeNodes, decodeStarts, decodeWorkflow, encodeNode, type RawNodes } from "./workflow-codec.ts"

/** When somebody should look at a workflow that nobody has driven to its end yet, in milliseconds. */
const lookMillis = 30_000

/** One step of storing nodes: as many, or as long texts together. */
const draftNodes = 1000
const draftLength = 2 ** 20

const openPage = 200

/** A directory entry stays as it is. */
const same = "-"

const outcomeTags = { existing: "Existing", conflict: "Conflict" } as const

type RawAdvance = readonly [
  state: WorkflowState,
  flags: number,
  now: string,
  created: string,
  ended: string,
  deadline: string,
  over: string,
  changes: number,
  ...starts: ReadonlyArray<string>
]

const startsFrom = 8

/** What somebody else has written in the place of how a node ended. */
const unreadableEnd: Ended = { _tag: "Dead", reason: "undecodable", error: "how it ended cannot be read" }

const stopOpen = 1
const moreToStart = 2
const stateMayHaveChanged = 4

function* inSteps(nodes: ReadonlyArray<NewNode>) {
  let args: Array<string | number> = []
  let length = 0
  for (const [number, node] of nodes.entries()) {
    const text = encodeNode(node, nodes)
    args.push(number, node.parents.length, text)
    length += text.length
    if (args.length >= 3 * draftNodes || length >= draftLength) {
      yield args
      args = []
      length = 0
    }
  }
  if (args.length > 0) yield args
}

export const make = (workflows: Workflows): WorkflowStore["Service"] => {
  const { inDirectory, run } = workflows

  const enter = (
    id: string,
    state: WorkflowState | "" | "-",
    created: EpochMillis | string,
    look: string,
    over: string,
    changes: number | string = "",
    known: EpochMillis | string = same
  ) => inDirectory<string>("enter", scripts.enter, [id, state, created, look, known, over, changes])

  const lookSoon = (id: string) => enter(id, same, "", `+${lookMillis}`, same)

  const create = Effect.fnUntraced(function* (workflow: NewWorkflow): Effect.fn.Return<CreateReply, StoreError> {
    const { deadlineMillis, fingerprint, id, nodes } = workflow
    const good = checkWorkflowId(id)
    if (Result.isFailure(good)) return yield* Effect.fail(refused("create", good.failure))
    // first of all, so that somebody finds it whatever becomes of this process
    const first = yield* enter(id, "running", "", `+${lookMillis}`, same, 0)
    const look = first === "" ? yield* lookSoon(id) : first
    const steps = [...inSteps(nodes)]
    const last = steps.pop() ?? []
    for (const args of steps) {
      const stored = yield* run<string>("create", scripts.draft, id, [fingerprint, ...args])
      if (stored !== "") break
    }
    const total = nodes.filter(({ job }) => job !== undefined).length
    const fields = [
      ...["name", workflow.name, "policy", workflow.policy, "total", total],
      ...["retain", workflow.retainMillis, "retain_failed", workflow.retainFailedMillis]
    ]
    const [outcome, created, deadline] = yield* run<
      readonly ["created" | "existing" | "conflict" | "torn", string, string]
    >("create", scripts.create, id, [
      fingerprint,
      nodes.length,
      deadlineMillis ?? "",
      fields.length,
      ...fields,
      ...last
    ])
    if (outcome !== "created") {
      // torn: two different workflows were started under one id at the same time, and undid each other's nodes
      return { _tag: outcomeTags[outcome === "torn" ? "conflict" : outcome] }
    }
    return {
      _tag: "Created",
      createdAt: Number(created),
      ...(deadline === "" ? {} : { deadlineAt: Number(deadline) }),
      lookAt: Number(look)
    }
  })

  const drivenFirst = (id: string, { createdAt, deadlineAt, lookAt }: Created) =>
    Effect.asVoid(enter(id, "running", createdAt, deadlineAt === undefined ? "" : String(deadlineAt), same, 1, lookAt))

  const note = (id: string, [state, , , created, , deadline, over, changes]: RawAdvance) =>
    enter(id, state, created, state === "running" ? (deadline === "" ? same : deadline) : "", over, changes)

  const advance: WorkflowStore["Service"]["advance"] = Effect.fnUntraced(function* ({
    drive = false,
    endings,
    id,
    limit,
    stop
  }) {
    if (stop !== undefined) yield* lookSoon(id)
    const answer = yield* run<RawAdvance | []>("advance", scripts.advance, id, [
      workflows.notices,
      limit,
      drive ? 1 : 0,
      stop?.cause ?? "",
      boundedText(stop?.reason ?? ""),
      ...endings.flatMap(({ ended, member, sequence }) => [
        member.node,
        member.generation,
        sequence,
        encodeEnded(ended)
      ])
    ])
    if (answer.length === 0) return Option.none()
    const reply = answer as RawAdvance
    const [state, flags, now] = reply
    // whoever told it keeps the endings until this is done as well, so the directory follows for certain
    if ((flags & stateMayHaveChanged) > 0 && !(drive && state === "running")) yield* note(id, reply)
    const { starts, unreadable: lost } = decodeStarts(id, reply as unknown as ReadonlyArray<string>, startsFrom)
    if (lost.length > 0) {
      yield* Effect.logError(
        `workflow ${id}: nodes ${lost.map(({ node }) => node).join(", ")} are not of this library's making, changed by something else, and cannot be started`
      )
    }
    const found: Advance = {
      state,
      now: Number(now),
      starts,
      more: (flags & moreToStart) > 0,
      stop: (flags & stopOpen) > 0
    }
    if (lost.length === 0) return Option.some(found)
    const ends = lost.map((member) => ({ member, sequence: 0, ended: unreadableEnd }))
    const after = yield* advance({ id, endings: ends, limit, drive })
    return Option.map(after, (next): Advance => {
      const known = new Set(next.starts.map(({ member }) => member.node))
      const rest = next.state === "running" ? starts.filter(({ member }) => !known.has(member.node)) : []
      return {
        ...next,
        starts: [...rest, ...next.starts],
        more: found.more || next.more,
        stop: found.stop || next.stop
      }
    })
  })

  return WorkflowStore.of({
    create,
    advance,
    confirm: (id, started) =>
      started.length === 0
        ? Effect.void
        : Effect.asVoid(
            run(
              "confirm",
              scripts.confirm,
              id,
              started.flatMap(({ generation, node }) => [node, generation])
            )
          ),
    openJobs: (id, cursor = "0") =>
      refusalOf("openJobs", checkScanCursor(cursor)) ??
      Effect.map(
        run<ReadonlyArray<string>>("openJobs", scripts.openings, id, [cursor, openPage]),
        ([next, ...rest]) => ({
          jobs: Array.from({ length: rest.length / 3 }, (_, i) => ({
            jobId: memberJobId(id, Number(rest[3 * i]), Number(rest[3 * i + 1])),
            queue: rest[3 * i + 2]!
            // a node that is not of our making has no queue, and so no job
          })).filter(({ queue }) => queue !== ""),
          cursor: next === "0" ? undefined : next
        })
      ),
    due: (limit) => inDirectory<ReadonlyArray<string>>("due", scripts.looks, [limit, lookMillis]),
    driven: Effect.fnUntraced(function* (id, created) {
      if (created !== undefined) return yield* drivenFirst(id, created)
      // what somebody asks for from here on stays
      const look = yield* enter(id, same, "", same, same)
      const found = yield* run<ReadonlyArray<string>>("driven", scripts.workflow, id, [])
      if (found.length === 0) {
        // a start that is still under way, or one that never came to its end
        const gone = yield* run<string>("driven", scripts.drop, id, [])
        if (gone === "dropped") yield* enter(id, "", "", "", "", "", look)
        return
      }
      const { createdAt, deadlineAt, state, stopCause } = decodeWorkflow(id, found)
      const changes = changesOf(found)
      if (state !== "running") yield* enter(id, same, createdAt, "", same, changes, look)
      // while it stops for good, time and again, until all its jobs have ended
      else if (stopCause === "cancelled" || stopCause === "deadline") yield* lookSoon(id)
      else {
        yield* enter(id, state, createdAt, deadlineAt === undefined ? "" : String(deadlineAt), same, changes, look)
      }
    }),
    get: (id) =>
      Effect.map(run<ReadonlyArray<string>>("get", scripts.workflow, id, []), (found) =>
        found.length === 0 ? Option.none() : Option.some(decodeWorkflow(id, found))
      ),
    nodes: (id, from, limit) =>
      Effect.map(run<RawNodes>("nodes", scripts.nodes, id, [from, limit]), (raw) => decodeNodes(id, from, raw)),
    outcomes: (id, nodes) =>
      nodes.length === 0
        ? Effect.succeed([])
        : Effect.map(run<ReadonlyArray<string>>("outcomes", scripts.outcomes, id, nodes), (texts) =>
            texts.map((text) => (text === "" ? undefined : (decodeEnded(text) ?? unreadableEnd)))
          ),
    list: Effect.fnUntraced(function* ({ cursor, limit, state }) {
      const place = cursor === undefined ? Result.succeed(undefined) : parsePlace(cursor)
      if (Result.isFailure(place)) return yield* Effect.fail(refused("list", place.failure))
      const { id: idBefore = "", scoreText: createdBefore = "" } = place.success ?? {}
      const [more, ...page] = yield* inDirectory<ReadonlyArray<string>>(
        "list",
        scripts.directory,
        [createdBefore, idBefore, limit],
        state ?? "all"
      )
      const ids = page.filter((_, i) => i % 2 === 0)
      const found = yield* Effect.forEach(
        ids,
        (id) => Effect.map(run<ReadonlyArray<string>>("list", scripts.workflow, id, []), (raw) => ({ id, raw })),
        { concurrency: 16 }
      )
      const shown = found.filter(({ raw }) => raw.length > 0).map(({ id, raw }) => decodeWorkflow(id, raw))
      return {
        // the directory may be a step behind
        workflows: shown.filter((workflow) => state === undefined || workflow.state === state),
        ...(Number(more) === 1 ? { cursor: `${page.at(-1)}:${ids.at(-1)}` } : {})
      }
    }),
    watch: (watch) => Effect.map(listen(watch, 0), (over) => over === 1),
    unwatch: (watch) => Effect.asVoid(listen(watch, 1)),
    prune: Effect.fnUntraced(function* (limit) {
      const ids = yield* inDirectory<ReadonlyArray<string>>("prune", scripts.expired, [limit])
      let dropped = 0
      for (const id of ids) {
        const over = yield* run<string>("prune", scripts.drop, id, [])
        if (over === "dropped") {
          dropped++
          // a start under the same id may have asked for a look already
          yield* enter(id, "", "", same, "")
        } else {
          const [until = "", changes = ""] = over.split(",")
          yield* enter(id, same, "", same, until, changes)
        }
      }
      return dropped
    })
  })

  function listen({ id, ref, watcher }: WorkflowWatch, leave: 0 | 1) {
    return (
      refusalOf("watch", checkWorker(watcher)) ?? run<number>("watch", scripts.listen, id, [`${watcher} ${ref}`, leave])
    )
  }
}
