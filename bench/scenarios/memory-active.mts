import { setTimeout as sleep } from "node:timers/promises"
import { fill } from "../lib/processing.mts"
import type { Scenario } from "../lib/Scenario.mts"

/** Longer than it takes to start them all. */
const runMillis = 3000

const memoryActive: Scenario = {
  title: "Redis memory per running job",
  jobs: 2000,
  scales: false,
  quickJobs: 2000,
  warmUpJobs: 100,
  placements: ["free"],
  metrics: [{ name: "bytes", unit: "bytes" }],
  run: async ({ jobs, measured, open, redis }) => {
    const queue = await open("plain")
    const worker = await queue.readyWorker({ concurrency: jobs, sleepMillis: runMillis, onJob: () => {} })
    const before = await redis.usedMemory()
    const { value } = await measured(async () => {
      await fill(queue, jobs)
      await worker.start()
      await sleep(runMillis / 2)
      return redis.usedMemory()
    })
    while ((await queue.unfinished()) > 0) await sleep(50)
    await worker.stop()
    return { bytes: (value - before) / jobs }
  }
}

export default memoryActive
