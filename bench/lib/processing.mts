import type { Metric, Scenario } from "./Scenario.mts"
import { inChunks, makePayloads } from "./payload.mts"

/** Preloads a queue, then measures from the worker's start until Redis knows that the last job is completed. */
export const processing = (concurrency: number, jobs: number, goal: NonNullable<Metric["goal"]>): Scenario => ({
  title: `process, concurrency ${concurrency}`,
  jobs,
  scales: true,
  metrics: [{ name: "rate", unit: "jobs/s", goal }],
  run: async ({ queue, jobs, measured }) => {
    for (const chunk of inChunks(makePayloads(jobs), 1000)) await queue.enqueueBulk(chunk)
    let handled = 0
    let allHandled = () => {}
    const done = new Promise<void>((resolve) => (allHandled = resolve))
    const worker = await queue.readyWorker({
      concurrency,
      onJob: () => {
        if (++handled === jobs) allHandled()
      }
    })

    const millis = await measured(async () => {
      const start = performance.now()
      await worker.start()
      await done
      while ((await queue.unfinished()) > 0) continue
      return performance.now() - start
    })

    await worker.stop()
    if (handled !== jobs) throw new Error(`${jobs} jobs were handled ${handled} times`)
    return { rate: (jobs * 1000) / millis }
  }
})
