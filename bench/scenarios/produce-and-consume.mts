import { setTimeout as sleep } from "node:timers/promises"
import { makePayloads } from "../lib/payload.mts"
import type { Scenario } from "../lib/Scenario.mts"

const pollMillis = 2

const produceAndConsume: Scenario = {
  title: "enqueue (100 in flight) and process (concurrency 100) together, each in its process",
  jobs: 20_000,
  scales: true,
  placements: ["free"],
  metrics: [{ name: "rate", unit: "jobs/s" }],
  run: async ({ jobs, measured, open, workerProcess }) => {
    const queue = await open("plain")
    const worker = await workerProcess(100)
    await worker.start()
    const payloads = makePayloads(jobs)
    const { millis } = await measured(async () => {
      await queue.enqueueEach(payloads, 100)
      while ((await queue.unfinished()) > 0) await sleep(pollMillis)
    })
    const { handled } = await worker.usage()
    if (handled !== jobs) throw new Error(`${jobs} jobs were handled ${handled} times`)
    return { rate: (jobs * 1000) / millis }
  }
}

export default produceAndConsume
