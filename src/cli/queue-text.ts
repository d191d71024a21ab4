import type { RateLimit } from "../ports/QueueControl.ts"
import type { QueueView, Rates } from "../features/inspector/Inspector.ts"
import { age, count, perSecond, when } from "./format.ts"
import type { Ui } from "./output.ts"

const columns = [
  { title: "QUEUE", shrinks: true },
  ...["PENDING", "ACTIVE", "SCHEDULED", "RETRY", "DEAD", "COMPLETED", "ENQUEUED"].map((title) => ({
    title,
    right: true
  })),
  { title: "OLDEST", right: true },
  { title: "WORKERS", right: true },
  { title: "STATE" }
]

/** Whether a queue runs, and what of it asks for attention: jobs that wait and nobody is there. */
export const stateOf = (ui: Ui, { depths, paused, workers }: QueueView): string => {
  if (paused) return ui.yellow("paused")
  if (workers > 0) return ui.green("running")
  return (depths.pending > 0 ? ui.red : ui.dim)("no workers")
}

const heads = (ui: Ui, n: number, paint: (text: string) => string) => (n === 0 ? ui.dim("0") : paint(count(n)))

export const queueTable = (ui: Ui, queues: ReadonlyArray<QueueView>): string =>
  ui.table(
    columns,
    queues.map((queue) => {
      const { counters, depths, name, next, workers } = queue
      const plain = (text: string) => text
      return [
        name,
        heads(ui, depths.pending, plain),
        heads(ui, depths.active, ui.cyan),
        heads(ui, depths.scheduled, plain),
        heads(ui, depths.retry, ui.yellow),
        heads(ui, depths.dead, ui.red),
        heads(ui, counters.completed, plain),
        heads(ui, counters.enqueued, plain),
        next === undefined ? ui.dim("-") : age(next.ageMillis),
        heads(ui, workers, plain),
        stateOf(ui, queue)
      ]
    })
  )

/** `100 per 1m, bursts of 20`. */
export const rateLimitText = ({ burst, limit, perMillis }: RateLimit): string =>
  `${count(limit)} per ${age(perMillis)}${burst === limit ? "" : `, bursts of ${count(burst)}`}`

const latencyText = (latency: Rates["wait"]): string | undefined =>
  latency &&
  `mean ${age(latency.meanMillis)}, half within ${age(latency.p50Millis)}, 95% within ${age(latency.p95Millis)}`

/** All there is to say of a queue. */
export const queueDetails = (ui: Ui, queue: QueueView, rates: Rates): string => {
  const { counters, depths, limits, name, next, rateLimits, workers } = queue
  return ui.record([
    ["Queue", name],
    ["State", stateOf(ui, queue)],
    ["Workers", count(workers)],
    ...Object.entries(depths).map(([state, depth]) => [capital(state), count(depth)] as const),
    ["Next job", next && `${next.id} (${next.kind}), enqueued ${when(next.enqueuedAt, ui.now)}`],
    ["Active at most", limits.maxActive === undefined ? "unlimited" : count(limits.maxActive)],
    ...Object.entries(rateLimits).map(([kind, limit]) => [`Rate of ${kind}`, rateLimitText(limit)] as const),
    ["Last minute", `${perSecond(rates.completedPerSecond)} completed, ${perSecond(rates.failedPerSecond)} failed`],
    ["Wait", latencyText(rates.wait)],
    ["Run", latencyText(rates.run)],
    [
      "Since creation",
      Object.entries(counters)
        .filter(([, n]) => n > 0)
        .map(([what, n]) => `${count(n)} ${what}`)
        .join(", ") || "nothing"
    ]
  ])
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
