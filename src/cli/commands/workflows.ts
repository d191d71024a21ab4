import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { WorkflowState } from "../../domain/Workflow.ts"
import * as DeadLetters from "../../features/dead-letters/DeadLetters.ts"
import { type NodeRecord, Workflows } from "../../features/workflows/Workflows.ts"
import { confirm } from "../confirm.ts"
import { connected } from "../connected.ts"
import { NotFound, NotPossible, PartlyDone } from "../errors.ts"
import { cursorFlag, given, limitFlag } from "../flags.ts"
import { plural } from "../format.ts"
import { show } from "../output.ts"
import { graphText, mermaidText, workflowDetails, workflowTable } from "../workflow-text.ts"

const idArgument = Argument.String("id").pipe(Argument.withDescription("The workflow's id"))

const list = Command.make(
  "list",
  {
    state: Flag.Literals("state", WorkflowState.literals).pipe(
      Flag.withAlias("s"),
      Flag.withDescription("Only workflows in this state"),
      Flag.optional
    ),
    limit: limitFlag(1000),
    cursor: cursorFlag
  },
  ({ cursor, limit, state }) =>
    connected(
      Effect.gen(function* () {
        const page = yield* Workflows.list({ limit, ...given({ cursor, state }) })
        const next = page.cursor ?? null
        yield* show({ workflows: page.workflows, cursor: next }, (ui) => {
          if (page.workflows.length === 0) return "no workflows"
          const more = next === null ? "" : `\n${ui.dim(`more with --cursor ${next}`)}`
          return workflowTable(ui, page.workflows) + more
        })
      })
    )
).pipe(Command.withDescription("List workflows, newest first"))

const find = Effect.fnUntraced(function* (id: string) {
  const found = yield* Workflows.get(id)
  if (Option.isNone(found)) return yield* new NotFound({ what: `workflow ${id}` })
  return found.value
})

const nodePage = 1000

const allNodes = Effect.fnUntraced(function* (id: string) {
  const nodes: Array<NodeRecord> = []
  while (true) {
    const page = yield* Workflows.nodes(id, { from: nodes.length, limit: nodePage })
    nodes.push(...page)
    if (page.length < nodePage) return nodes
  }
})

const get = Command.make("get", { id: idArgument }, ({ id }) =>
  connected(
    Effect.gen(function* () {
      const workflow = yield* find(id)
      const nodes = yield* allNodes(id)
      yield* show({ ...workflow, nodes }, (ui) => workflowDetails(ui, workflow, nodes))
    })
  )
).pipe(Command.withDescription("Show one workflow and its nodes"))

const graph = Command.make(
  "graph",
  {
    id: idArgument,
    format: Flag.Literals("format", ["text", "mermaid"]).pipe(
      Flag.withDescription("How it is drawn (text)"),
      Flag.withDefault("text")
    )
  },
  ({ format, id }) =>
    connected(
      Effect.gen(function* () {
        yield* find(id)
        const nodes = yield* allNodes(id)
        yield* show({ id, nodes }, (ui) => (format === "mermaid" ? mermaidText(nodes) : graphText(ui, nodes)))
      })
    )
).pipe(Command.withDescription("Draw the graph of a workflow: who waits for whom, and how they stand"))

const cancel = Command.make(
  "cancel",
  {
    id: idArgument,
    reason: Flag.String("reason").pipe(
      Flag.withDescription("Why; kept with the workflow"),
      Flag.withDefault("cancelled by an operator")
    )
  },
  ({ id, reason }) =>
    connected(
      Effect.gen(function* () {
        yield* find(id)
        yield* confirm(`Cancel workflow ${id} and its jobs`)
        const outcome = yield* Workflows.cancel(id, reason)
        if (outcome !== "requested") return yield* new NotPossible({ why: `workflow ${id} has ended already` })
        yield* show({ id, outcome }, () => `workflow ${id} is being cancelled`)
      })
    )
).pipe(Command.withDescription("Stop a workflow: cancel what runs, start nothing more"))

/** A node that failed, with the job that did. */
const failedJobs = (nodes: ReadonlyArray<NodeRecord>) =>
  nodes.flatMap(({ jobId, queue, state }) =>
    state === "failed" && jobId !== undefined && queue !== undefined ? [{ jobId, queue }] : []
  )

const retry = Command.make("retry", { id: idArgument }, ({ id }) =>
  connected(
    Effect.gen(function* () {
      yield* find(id)
      const failed = failedJobs(yield* allNodes(id))
      if (failed.length === 0) return yield* new NotPossible({ why: `no job of workflow ${id} has failed` })
      const replies = yield* Effect.forEach(failed, ({ jobId, queue }) => DeadLetters.redrive(queue, [jobId]))
      const outcomes = replies.flat()
      const redriven = outcomes.filter(({ outcome }) => outcome === "redriven").map(({ jobId }) => jobId)
      yield* show({ id, redriven }, () => `retried ${plural(redriven.length, "job")} of workflow ${id}`)
      const left = outcomes.length - redriven.length
      if (left > 0) {
        return yield* new PartlyDone({
          why: `${plural(left, "job")} not retried: not dead any more, or its key is taken`
        })
      }
    })
  )
).pipe(Command.withDescription("Give the dead jobs of a workflow a new start, which revives it"))

export const workflows = Command.make("workflows").pipe(
  Command.withDescription("Look at workflows and steer them"),
  Command.withSubcommands([list, get, graph, cancel, retry])
)
