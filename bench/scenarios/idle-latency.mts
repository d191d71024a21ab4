import { setTimeout as sleep } from "node:timers/promises"
import { makePayloads } from "../lib/payload.mts"
import type { Scenario } from "../lib/Scenario.mts"
import { quantile } from "../lib/statistics.mts"

/** Long enough for a worker that settled its job to find the queue empty and block again. */
const restMillis = 5

const idleLatency: Scenario = {
  title: "idle worker (concurrency 10), enqueue -> end recorded in Redis, one job at a time",
  jobs: 400,
  scales: false,
  quickJobs: 200,
  warmUpJobs: 100,
  placements: ["free", "pinned"],
  charted: true,
  metrics: [
    { name: "p50", unit: "ms", goals: [{ against: "bullmq", placements: ["free", "pinned"], atMost: 0.7 }] },
    { name: "p99", unit: "ms", goals: [{ against: "bullmq", placements: ["free", "pinned"], atMost: 0.5 }] }
  ],
  run: async ({ jobs, measured, open }) => {
    const queue = await open("plain")
    let doneAt = 0
    let done = () => {}
    const worker = await queue.readyWorker({
      concurrency: 10,
      onJob: () => {},
      onDone: () => {
        doneAt = performance.now()
        done()
      }
    })
    await worker.start()
    await sleep(200)

    const { value: latencies } = await measured(async () => {
      const millis: Array<number> = []
      for (const payload of makePayloads(jobs)) {
        const ended = new Promise<void>((resolve) => (done = resolve))
        const enqueuedAt = performance.now()
        await queue.enqueue(payload)
        await ended
        millis.push(doneAt - enqueuedAt)
        await sleep(restMillis)
      }
      return millis
    })

    await worker.stop()
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
  }
}

export default idleLatency
