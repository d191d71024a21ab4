import type { NodeState, WorkflowState } from "../domain/Workflow.ts"
import type { NodeRecord, WorkflowRecord } from "../features/workflows/Workflows.ts"
import { count, when } from "./format.ts"
import type { Ui } from "./output.ts"

const stateText = (ui: Ui, state: WorkflowState | NodeState): string => {
  switch (state) {
    case "running":
    case "open":
      return ui.cyan(state)
    case "completed":
      return ui.green(state)
    case "failed":
      return ui.red(state)
    case "cancelled":
    case "stopped":
    case "skipped":
    case "waiting":
      return ui.dim(state)
  }
}

export const workflowTable = (ui: Ui, workflows: ReadonlyArray<WorkflowRecord>): string =>
  ui.table(
    [
      { title: "ID" },
      { title: "NAME", shrinks: true },
      { title: "STATE" },
      { title: "DONE", right: true },
      { title: "OPEN", right: true },
      { title: "FAILED", right: true },
      { title: "STARTED" }
    ],
    workflows.map(({ completed, createdAt, failed, id, name, open, state, total }) => [
      id,
      name,
      stateText(ui, state),
      `${count(completed)}/${count(total)}`,
      count(open),
      failed === 0 ? ui.dim("0") : ui.red(count(failed)),
      when(createdAt, ui.now)
    ])
  )

const nameOf = ({ kind, node }: NodeRecord): string => kind ?? `join ${node}`

const nodeTable = (ui: Ui, nodes: ReadonlyArray<NodeRecord>): string =>
  ui.table(
    [
      { title: "NODE", right: true },
      { title: "KIND" },
      { title: "QUEUE" },
      { title: "STATE" },
      { title: "AFTER" },
      { title: "JOB", shrinks: true }
    ],
    nodes.map((node) => [
      String(node.node),
      nameOf(node),
      node.queue ?? "",
      stateText(ui, node.state),
      node.parents.join(","),
      node.jobId ?? ""
    ])
  )

/** All there is to say of a workflow. */
export const workflowDetails = (ui: Ui, workflow: WorkflowRecord, nodes: ReadonlyArray<NodeRecord>): string => {
  const { completed, createdAt, deadlineAt, endedAt, failed, failedNode, id, name, open, policy } = workflow
  const { reason, state, stopCause, stopped, total, waiting } = workflow
  const head = ui.record([
    ["Workflow", id],
    ["Name", name],
    ["State", stateText(ui, state)],
    ["On failure", policy],
    ["Started", when(createdAt, ui.now)],
    ["Ended", endedAt === undefined ? undefined : when(endedAt, ui.now)],
    ["Deadline", deadlineAt === undefined ? undefined : when(deadlineAt, ui.now)],
    ["Stopped by", stopCause],
    ["Reason", reason],
    ["First failure", failedNode === undefined ? undefined : `node ${failedNode}`],
    [
      "Jobs",
      `${count(total)}: ${count(completed)} completed, ${count(open)} open, ${count(waiting)} waiting, ${count(failed)} failed, ${count(stopped)} stopped`
    ]
  ])
  return `${head}\n\n${nodeTable(ui, nodes)}`
}

/** Nodes by how far they are from the start, each with those it waits for. */
export const graphText = (ui: Ui, nodes: ReadonlyArray<NodeRecord>): string => {
  const depths = new Map<number, number>()
  // parents have smaller numbers than their children
  for (const { node, parents } of nodes) {
    depths.set(node, Math.max(-1, ...parents.map((parent) => depths.get(parent) ?? 0)) + 1)
  }
  return nodes
    .map((node) => {
      const indent = "  ".repeat(depths.get(node.node) ?? 0)
      const after = node.parents.length === 0 ? "" : ui.dim(` after ${node.parents.join(", ")}`)
      return `${indent}${node.node} ${nameOf(node)} [${stateText(ui, node.state)}]${after}`
    })
    .join("\n")
}

/** The same for documents. */
export const mermaidText = (nodes: ReadonlyArray<NodeRecord>): string =>
  [
    "flowchart TD",
    ...nodes.map((node) => `  n${node.node}["${nameOf(node)}<br/>${node.state}"]`),
    ...nodes.flatMap(({ node, parents }) => parents.map((parent) => `  n${parent} --> n${node}`))
  ].join("\n")
