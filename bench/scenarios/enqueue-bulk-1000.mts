import type { Scenario } from "../lib/Scenario.mts"
import { inChunks, makePayloads } from "../lib/payload.mts"

const enqueueBulk: Scenario = {
  title: "enqueue in bulk, 1000 a call, one call at a time",
  jobs: 50_000,
  scales: true,
  metrics: [{ name: "rate", unit: "jobs/s", goal: { free: ">= 4" } }],
  run: async ({ queue, jobs, measured }) => {
    const chunks = inChunks(makePayloads(jobs), 1000)

    const millis = await measured(async () => {
      const start = performance.now()
      for (const chunk of chunks) await queue.enqueueBulk(chunk)
      return performance.now() - start
    })

    const stored = await queue.unfinished()
    if (stored !== jobs) throw new Error(`${jobs} jobs were enqueued and ${stored} are stored`)
    return { rate: (jobs * 1000) / millis }
  }
}

export default enqueueBulk
