import type { Scenario } from "../lib/Scenario.mts"
import { inChunks, makePayloads } from "../lib/payload.mts"

const memoryPerJob: Scenario = {
  title: "Redis memory per waiting job",
  jobs: 20_000,
  scales: true,
  metrics: [{ name: "bytes", unit: "bytes", goal: { free: "<= 0.6", pinned: "<= 0.6" } }],
  run: async ({ queue, redis, jobs, measured }) => {
    const before = await redis.usedMemory()
    await measured(async () => {
      for (const chunk of inChunks(makePayloads(jobs), 1000)) await queue.enqueueBulk(chunk)
    })
    return { bytes: ((await redis.usedMemory()) - before) / jobs }
  }
}

export default memoryPerJob
