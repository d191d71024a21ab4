import { setTimeout as sleep } from "node:timers/promises"
import type { Scenario } from "../lib/Scenario.mts"
import { makePayloads } from "../lib/payload.mts"
import { quantile } from "../lib/statistics.mts"

/** Long enough for a worker that settled its job to find the queue empty and block again. */
const restMillis = 5

const idleLatency: Scenario = {
  title: "idle worker (concurrency 10), enqueue -> handler start, one job at a time",
  jobs: 500,
  scales: false,
  metrics: [
    { name: "p50", unit: "ms", goal: { free: "<= 0.7" } },
    { name: "p99", unit: "ms", goal: { free: "<= 0.5" } }
  ],
  run: async ({ queue, jobs, measured }) => {
    let startedAt = 0
    let started = () => {}
    const worker = await queue.readyWorker({
      concurrency: 10,
      onJob: () => {
        startedAt = performance.now()
        started()
      }
    })
    await worker.start()
    await sleep(200)

    const latencies = await measured(async () => {
      const millis: Array<number> = []
      for (const payload of makePayloads(jobs)) {
        const begun = new Promise<void>((resolve) => (started = resolve))
        const enqueuedAt = performance.now()
        await queue.enqueue(payload)
        await begun
        millis.push(startedAt - enqueuedAt)
        await sleep(restMillis)
      }
      return millis
    })

    await worker.stop()
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
  }
}

export default idleLatency
