import { setImmediate as turn } from "node:timers/promises"
import { inChunks, makePayloads } from "../lib/payload.mts"
import type { Scenario } from "../lib/Scenario.mts"

/** How far the producer may be ahead, so that producing and consuming keep pace. */
const ahead = 1000

/** As many payloads as there are, they are enqueued over and over: all that are to come would only burden the collector. */
const distinct = 10_000

const memoryBackend: Scenario = {
  title: "store in the process's memory, enqueue (bulk of 1000) -> done, concurrency 100",
  jobs: 200_000,
  // no socket takes most of the time here, so code that is not compiled yet would
  warmUpJobs: 100_000,
  scales: true,
  placements: ["free", "pinned"],
  mode: "memory",
  metrics: [{ name: "rate", unit: "jobs/s", goals: [{ placements: ["free", "pinned"], atLeast: 150_000 }] }],
  run: async ({ jobs, measured, open }) => {
    const queue = await open("memory")
    const chunks = inChunks(makePayloads(Math.min(jobs, distinct)), 1000)
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
      for (let i = 0; enqueued < jobs; i++) {
        const chunk = chunks[i % chunks.length]!.slice(0, jobs - enqueued)
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
