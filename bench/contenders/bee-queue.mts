import { setTimeout as sleep } from "node:timers/promises"
import Queue from "bee-queue"
import type { Contender } from "../lib/Contender.mts"
import { inLanes } from "../lib/lanes.mts"
import { decodePayload, encodePayload, type Payload } from "../lib/payload.mts"

const queueName = "bench"

const beeQueue: Contender = {
  guarantees:
    "at least once: stalled jobs found by a set checked every 5 s, ends not fenced; no retries unless asked; nothing " +
    "kept of completed jobs; job events off, which is faster",
  modes: ["plain", "kept", "unique"],
  remarks: { results: "not offered: a result is sent to who listens, and not kept" },
  open: async ({ host, port }, mode) => {
    const settings = {
      redis: { host, port },
      getEvents: false,
      sendEvents: false,
      storeJobs: false,
      removeOnSuccess: mode !== "kept",
      removeOnFailure: true
    }
    const queue = new Queue<any>(queueName, { ...settings, isWorker: false })
    queue.on("error", (error) => console.error(error))
    await queue.ready()
    const jobOf = (payload: Payload) => {
      const job = queue.createJob(encodePayload(payload))
      return mode === "unique" ? job.setId(payload.id) : job
    }
    const enqueue = async (payload: Payload) => {
      await jobOf(payload).save()
    }
    return {
      enqueue,
      enqueueBulk: async (payloads) => {
        const errors = await queue.saveAll(payloads.map(jobOf))
        for (const error of errors.values()) throw error
      },
      enqueueEach: (payloads, inFlight) => inLanes(payloads, inFlight, enqueue),
      readyWorker: async ({ concurrency, onDone, onJob, sleepMillis = 0 }) => {
        const worker = new Queue<any>(queueName, settings)
        worker.on("error", (error) => console.error(error))
        worker.on("failed", (_, error) => console.error(error))
        if (onDone !== undefined) worker.on("succeeded", onDone)
        await worker.ready()
        return {
          start: async () => {
            worker.process(concurrency, async (job) => {
              if (sleepMillis > 0) await sleep(sleepMillis)
              onJob(decodePayload(job.data))
            })
          },
          stop: () => worker.close()
        }
      },
      unfinished: async () => {
        const { active, delayed, waiting } = await queue.checkHealth()
        return waiting + active + delayed
      },
      close: () => queue.close()
    }
  }
}

export default beeQueue
