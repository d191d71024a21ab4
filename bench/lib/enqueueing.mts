import type { OpenQueue } from "./Contender.mts"
import { makePayloads, type Payload } from "./payload.mts"
import type { Goal, Scenario } from "./Scenario.mts"

/** The scenario of a producer alone. */
export const enqueueing = (options: {
  readonly title: string
  readonly jobs: number
  readonly charted?: boolean
  readonly goals?: ReadonlyArray<Goal>
  readonly enqueue: (queue: OpenQueue, payloads: ReadonlyArray<Payload>) => Promise<void>
}): Scenario => ({
  title: options.title,
  jobs: options.jobs,
  scales: true,
  placements: ["free", "pinned"],
  charted: options.charted ?? false,
  metrics: [{ name: "rate", unit: "jobs/s", goals: options.goals ?? [] }],
  run: async ({ jobs, measured, open }) => {
    const queue = await open("plain")
    const payloads = makePayloads(jobs)
    const { millis } = await measured(() => options.enqueue(queue, payloads))
    const stored = await queue.unfinished()
    if (stored !== jobs) throw new Error(`${jobs} jobs were enqueued and ${stored} are stored`)
    return { rate: (jobs * 1000) / millis }
  }
})
