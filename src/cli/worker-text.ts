import type { WorkerView } from "../features/inspector/Inspector.ts"
import { age, count, perSecond, relative, when } from "./format.ts"
import type { Ui } from "./output.ts"

const stateOf = (ui: Ui, { alive, details }: WorkerView): string => {
  if (!alive) return ui.red("silent")
  return details?.stopping === true ? ui.yellow("stopping") : ui.green("alive")
}

export const workerTable = (ui: Ui, workers: ReadonlyArray<WorkerView>): string =>
  ui.table(
    [
      { title: "ID" },
      { title: "HOST" },
      { title: "PID", right: true },
      { title: "QUEUES", shrinks: true },
      { title: "BUSY", right: true },
      { title: "DONE", right: true },
      { title: "FAILED", right: true },
      { title: "UP", right: true },
      { title: "SEEN" },
      { title: "STATE" }
    ],
    workers.map((worker) => {
      const { details, id, seenAt } = worker
      return [
        id,
        details?.host ?? "-",
        details === undefined ? "-" : String(details.pid),
        details?.queues.join(",") ?? "-",
        details === undefined ? "-" : `${details.running}/${details.concurrency}`,
        details === undefined ? "-" : perSecond(details.completedPerSecond),
        details === undefined ? "-" : perSecond(details.failedPerSecond),
        details === undefined ? "-" : age(ui.now - details.startedAt),
        relative(seenAt, ui.now),
        stateOf(ui, worker)
      ]
    })
  )

/** All there is to say of a worker. */
export const workerDetails = (ui: Ui, worker: WorkerView): string => {
  const { details, id, seenAt } = worker
  const seen = when(seenAt, ui.now)
  if (details === undefined) {
    return ui.record([
      ["Worker", id],
      ["State", stateOf(ui, worker)],
      ["Seen", seen]
    ])
  }
  return ui.record([
    ["Worker", id],
    ["State", stateOf(ui, worker)],
    ["Seen", seen],
    ["Host", `${details.host}, process ${details.pid}`],
    ["Started", when(details.startedAt, ui.now)],
    ["Queues", details.queues.join(", ")],
    ["Busy", `${details.running} of ${details.concurrency}`],
    ["Lease", age(details.leaseMillis)],
    ["Last minute", `${count(details.completed)} completed, ${count(details.failed)} failed`],
    [
      "Runs",
      details.jobs.map((job) => `${job.id} (${job.kind}, ${job.queue}) for ${age(ui.now - job.since)}`).join("\n") ||
        "nothing"
    ]
  ])
}
