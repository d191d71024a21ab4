import { setImmediate as turn } from "node:timers/promises"
import { inChunks, makePayloads } from "../lib/payload.mts"
import type { Scenario } from "../lib/Scenario.mts"

/** How far the producer may be ahead, so that producing and consuming keep pace. */
const ahead = 5000

const memoryBackend: Scenario = {
  title: "store in the process's memory, enqueue (bulk of 1000) -> done, concurrency 100",
  jobs: 200_000,
  scales: true,
  placements: ["free", "pinned"],
  mode: "memory",
  metrics: [{ name: "rate", unit: "jobs/s", goals: [{ placements: ["free", "pinned"], atLeast: 150_000 }] }],
  run: async ({ jobs, measured, open }) => {
    const queue = await open("memory")
    const chunks = inChunks(makePayloads(jobs), 1000)
    const done = Promise.withResolvers<void>()
    let handled = 0
    const worker = await queue.readyWorker({
      concurrency: 100,
      onJob: () => {
        if (++handled === jobs) done.resolve()
      }
    })
    await worker.start()
    // nothing here waits for a socket, so the worker gets its turns only when it is given them
    const { millis } = await measured(async () => {
      let enqueued = 0
      const tooFarAhead = () => enqueued - handled > ahead
      for (const chunk of chunks) {
        await queue.enqueueBulk(chunk)
        enqueued += chunk.length
        await turn()
        while (tooFarAhead()) await turn()
      }
      await done.promise
      while ((await queue.unfinished()) > 0) await turn()
    })
    await worker.stop()
    return { rate: (jobs * 1000) / millis }
  }
}

export default memoryBackend
