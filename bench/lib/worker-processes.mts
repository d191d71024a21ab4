import { setTimeout as sleep } from "node:timers/promises"
import { fill } from "./processing.mts"
import type { Scenario } from "./Scenario.mts"

const concurrency = 100
const pollMillis = 2

/** The scenario of a filled queue that several worker processes empty. */
export const workerProcesses = (count: number): Scenario => ({
  title: `process, worker processes: ${count}, concurrency ${concurrency} each`,
  jobs: 20_000,
  scales: true,
  usualRounds: 2,
  placements: ["free"],
  metrics: [{ name: "rate", unit: "jobs/s" }],
  run: async ({ jobs, measured, open, workerProcess }) => {
    const queue = await open("plain")
    const workers = await Promise.all(Array.from({ length: count }, () => workerProcess(concurrency)))
    await fill(queue, jobs)
    const { millis } = await measured(async () => {
      await Promise.all(workers.map((worker) => worker.start()))
      while ((await queue.unfinished()) > 0) await sleep(pollMillis)
    })
    const replies = await Promise.all(workers.map((worker) => worker.usage()))
    const handled = replies.reduce((sum, reply) => sum + reply.handled, 0)
    if (handled !== jobs) throw new Error(`${jobs} jobs were handled ${handled} times`)
    return { rate: (jobs * 1000) / millis }
  }
})
