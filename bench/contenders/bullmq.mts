import { Queue, Worker } from "bullmq"
import type { Contender } from "../lib/Contender.mts"
import { decodePayload, encodePayload, type Payload } from "../lib/payload.mts"

const queueName = "bench"

const bullmq: Contender = {
  open: async ({ host, port }) => {
    const connection = { host, port, maxRetriesPerRequest: null }
    const queue = new Queue(queueName, {
      connection,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true }
    })
    await queue.waitUntilReady()
    const enqueue = async (payload: Payload) => {
      await queue.add("work", encodePayload(payload))
    }
    return {
      enqueue,
      enqueueBulk: async (payloads) => {
        await queue.addBulk(payloads.map((payload) => ({ name: "work", data: encodePayload(payload) })))
      },
      enqueueEach: async (payloads, inFlight) => {
        let next = 0
        const lane = async () => {
          while (next < payloads.length) await enqueue(payloads[next++]!)
        }
        await Promise.all(Array.from({ length: inFlight }, lane))
      },
      readyWorker: async ({ concurrency, onJob }) => {
        const worker = new Worker(
          queueName,
          async (job) => {
            onJob(decodePayload(job.data))
          },
          { connection, concurrency, autorun: false }
        )
        worker.on("error", (error) => console.error(error))
        worker.on("failed", (_, error) => console.error(error))
        await worker.waitUntilReady()
        return {
          start: async () => {
            worker.run().catch((error: unknown) => console.error(error))
          },
          stop: () => worker.close()
        }
      },
      unfinished: () => queue.getJobCountByTypes("wait", "active", "prioritized", "delayed"),
      close: () => queue.close()
    }
  }
}

export default bullmq
