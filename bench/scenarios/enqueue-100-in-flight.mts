import type { Scenario } from "../lib/Scenario.mts"
import { makePayloads } from "../lib/payload.mts"

const enqueueInFlight: Scenario = {
  title: "enqueue one by one, 100 calls in flight",
  jobs: 20_000,
  scales: true,
  metrics: [{ name: "rate", unit: "jobs/s", goal: { free: ">= 2" } }],
  run: async ({ queue, jobs, measured }) => {
    const payloads = makePayloads(jobs)

    const millis = await measured(async () => {
      const start = performance.now()
      await queue.enqueueEach(payloads, 100)
      return performance.now() - start
    })

    const stored = await queue.unfinished()
    if (stored !== jobs) throw new Error(`${jobs} jobs were enqueued and ${stored} are stored`)
    return { rate: (jobs * 1000) / millis }
  }
}

export default enqueueInFlight
