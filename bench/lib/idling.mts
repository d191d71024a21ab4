import { setTimeout as sleep } from "node:timers/promises"
import { makePayloads, type Payload } from "./payload.mts"
import type { Scenario } from "./Scenario.mts"
import { quantile } from "./statistics.mts"

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

/**
 * For how long they come with rests then, before it counts, in each of both runs. What happens every few seconds has
 * happened by then, such as a wait that ends, a sweep and the extension of a lease: each is new to code that was compiled
 * without it, which is thrown away and compiled again, and that takes longer than a job.
 */
const restedMillis = 8000

/** Of a worker whose producer uses the same connections, or some of its own. */
export const idling =
  (isApart: boolean): Scenario["run"] =>
  async ({ jobs, measured, open, openApart }) => {
    const queue = await open("plain")
    const producer = isApart ? await openApart("plain") : queue
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
      await producer.enqueueEach(makePayloads(1000), inFlight)
      await ended
    }
    const oneJob = async (payload: Payload): Promise<number> => {
      const ended = ending(1)
      const enqueuedAt = performance.now()
      await producer.enqueue(payload)
      await ended
      return doneAt - enqueuedAt
    }
    const calmSince = performance.now()
    for (const payload of makePayloads(calmJobs)) {
      if (performance.now() - calmSince > calmMillis) break
      await oneJob(payload)
    }
    const [rested] = makePayloads(1)
    for (const since = performance.now(); performance.now() - since < restedMillis;) {
      await oneJob(rested!)
      await sleep(restMillis)
    }
    await sleep(200)

    const { value: latencies } = await measured(async () => {
      const millis: Array<number> = []
      for (const payload of makePayloads(jobs)) {
        millis.push(await oneJob(payload))
        await sleep(restMillis)
      }
      return millis
    })

    await worker.stop()
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
  }
