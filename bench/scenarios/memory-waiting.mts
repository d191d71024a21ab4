import { fill } from "../lib/processing.mts"
import type { Scenario } from "../lib/Scenario.mts"

const memoryWaiting: Scenario = {
  title: "Redis memory per waiting job",
  jobs: 20_000,
  scales: true,
  quickJobs: 20_000,
  warmUpJobs: 1000,
  placements: ["free"],
  charted: true,
  metrics: [
    { name: "bytes", unit: "bytes", goals: [{ against: "bullmq", placements: ["free", "pinned"], atMost: 0.6 }] }
  ],
  run: async ({ jobs, measured, open, redis }) => {
    const queue = await open("plain")
    const before = await redis.usedMemory()
    await measured(() => fill(queue, jobs))
    return { bytes: ((await redis.usedMemory()) - before) / jobs }
  }
}

export default memoryWaiting
