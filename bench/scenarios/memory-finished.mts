import { fill, processAll } from "../lib/processing.mts"
import type { Scenario } from "../lib/Scenario.mts"

const memoryFinished: Scenario = {
  title: "Redis memory per completed job that is kept",
  jobs: 20_000,
  scales: true,
  warmUpJobs: 1000,
  placements: ["free"],
  mode: "kept",
  metrics: [{ name: "bytes", unit: "bytes" }],
  run: async (run) => {
    const queue = await run.open("kept")
    const before = await run.redis.usedMemory()
    await fill(queue, run.jobs)
    await processAll(run, queue, { concurrency: 100 })
    return { bytes: ((await run.redis.usedMemory()) - before) / run.jobs }
  }
}

export default memoryFinished
