import { displayWidth } from "effect/cli/CliOutput"
import type { QueueView, Rates, WorkerView } from "../features/inspector/Inspector.ts"
import { age, count, instant, perSecond } from "./format.ts"
import type { Ui } from "./output.ts"
import { stateOf } from "./queue-text.ts"
import { workerTable } from "./worker-text.ts"

/** What `winter top` shows at one moment. */
export interface Snapshot {
  readonly queues: ReadonlyArray<{ readonly view: QueueView; readonly rates: Rates }>
  /** Those that are alive. */
  readonly workers: ReadonlyArray<WorkerView>
}

const sum = <A>(items: ReadonlyArray<A>, of: (item: A) => number): number =>
  items.reduce((total, item) => total + of(item), 0)

const headline = (ui: Ui, { queues, workers }: Snapshot): string => {
  const done = sum(queues, ({ rates }) => rates.completedPerSecond)
  const failed = sum(queues, ({ rates }) => rates.failedPerSecond)
  const depth = (state: "pending" | "active" | "dead") => count(sum(queues, ({ view }) => view.depths[state]))
  return (
    `${ui.bold("winter top")}  ${instant(ui.now)}  ${perSecond(done)} completed  ${perSecond(failed)} failed  ` +
    `${depth("pending")} pending  ${depth("active")} active  ${depth("dead")} dead  ${count(workers.length)} workers`
  )
}

const queueLines = (ui: Ui, queues: Snapshot["queues"]): string =>
  ui.table(
    [
      { title: "QUEUE", shrinks: true },
      ...["PENDING", "ACTIVE", "SCHED", "RETRY", "DEAD", "OLDEST", "DONE", "FAILED", "WAIT P95", "RUN P95"].map(
        (title) => ({ title, right: true })
      ),
      { title: "STATE" }
    ],
    queues.map(({ rates, view }) => [
      view.name,
      count(view.depths.pending),
      view.depths.active === 0 ? ui.dim("0") : ui.cyan(count(view.depths.active)),
      count(view.depths.scheduled),
      view.depths.retry === 0 ? ui.dim("0") : ui.yellow(count(view.depths.retry)),
      view.depths.dead === 0 ? ui.dim("0") : ui.red(count(view.depths.dead)),
      view.next === undefined ? ui.dim("-") : age(view.next.ageMillis),
      perSecond(rates.completedPerSecond),
      perSecond(rates.failedPerSecond),
      rates.wait === undefined ? ui.dim("-") : age(rates.wait.p95Millis),
      rates.run === undefined ? ui.dim("-") : age(rates.run.p95Millis),
      stateOf(ui, view)
    ])
  )

/** The picture, line by line; those that matter most come first. */
export const topText = (ui: Ui, shown: Snapshot | undefined, problem: string | undefined): ReadonlyArray<string> => {
  const trouble = problem === undefined ? [] : [ui.red(problem)]
  if (shown === undefined) return [...trouble, "waiting for the first answer"]
  const { queues, workers } = shown
  return [
    headline(ui, shown),
    ...trouble,
    "",
    ...(queues.length === 0 ? ["no queues"] : queueLines(ui, queues).split("\n")),
    "",
    ...(workers.length === 0 ? ["no workers"] : workerTable(ui, workers).split("\n"))
  ]
}

const colour = "\u001B["

/** A line cut to the terminal; colours do not count, and end with the line. */
export const crop = (line: string, columns: number): string => {
  if (columns <= 0 || displayWidth(line) <= columns) return line
  let kept = ""
  let width = 0
  for (const [i, part] of line.split(colour).entries()) {
    // colours are whole sequences up to their m, so they are kept as such
    const text = i === 0 ? part : part.slice(part.indexOf("m") + 1)
    if (i > 0) kept += colour + part.slice(0, part.length - text.length)
    for (const letter of text) {
      width += displayWidth(letter)
      if (width > columns) return `${kept}${colour}0m`
      kept += letter
    }
  }
  return kept
}
