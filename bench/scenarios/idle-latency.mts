import { setTimeout as sleep } from "node:timers/promises"
import { makePayloads } from "../lib/payload.mts"
import type { Scenario } from "../lib/Scenario.mts"
import { quantile } from "../lib/statistics.mts"

/** How long client and worker are busy first: one that has run for days is compiled, and 400 jobs are too few for that. */
const busyMillis = 1500

/**
 * How many jobs come one after the other then, without a rest, and for how long at most: that is other code, which is
 * compiled by the number of its calls. In both runs together they are as many as in two minutes with their rests.
 */
const calmJobs = 8000
const calmMillis = 5000

/** Jobs under way meanwhile. */
const inFlight = 100

/** Long enough for a worker that settled its job to find the queue empty and block again. */
const restMillis = 5

const idleLatency: Scenario = {
  title: "idle worker (concurrency 10) after it was busy, enqueue -> end recorded in Redis, one job at a time",
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
    let left = 0
    let done = () => {}
    const ending = (count: number) => {
      left = count
      return new Promise<void>((resolve) => (done = resolve))
    }
    const worker = await queue.readyWorker({
      concurrency: 10,
      onJob: () => {},
      onDone: () => {
        doneAt = performance.now()
        if (--left === 0) done()
      }
    })
    await worker.start()
    for (const since = performance.now(); performance.now() - since < busyMillis;) {
      const ended = ending(1000)
      await queue.enqueueEach(makePayloads(1000), inFlight)
      await ended
    }
    const since = performance.now()
    for (const payload of makePayloads(calmJobs)) {
      if (performance.now() - since > calmMillis) break
      const ended = ending(1)
      await queue.enqueue(payload)
      await ended
    }
    await sleep(200)

    const { value: latencies } = await measured(async () => {
      const millis: Array<number> = []
      for (const payload of makePayloads(jobs)) {
        const ended = ending(1)
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
