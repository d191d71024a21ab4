import { setTimeout as sleep } from "node:timers/promises"
import { FlowProducer, type JobsOptions, Queue, Worker } from "bullmq"
import type { Contender, Mode } from "../lib/Contender.mts"
import { inLanes } from "../lib/lanes.mts"
import { decodePayload, encodePayload, type Payload } from "../lib/payload.mts"

const queueName = "bench"

const optionsOf = (mode: Mode, { id, userId }: Payload): JobsOptions => {
  if (mode === "unique") return { deduplication: { id } }
  // 0 means none
  if (mode === "priorities") return { priority: 1 + (userId % 3) }
  return {}
}

const bullmq: Contender = {
  guarantees:
    "at least once: a lock of 30 s, renewed while the handler runs, stalled jobs found every 30 s; nothing kept of " +
    "completed jobs; defaults, which are its best here",
  modes: ["plain", "kept", "results", "unique", "priorities", "workflows"],
  open: async ({ host, port }, mode) => {
    const connection = { host, port, maxRetriesPerRequest: null }
    const keeps = mode === "kept" || mode === "results"
    const kept: JobsOptions = { removeOnComplete: !keeps, removeOnFail: true }
    const queue = new Queue(queueName, { connection, defaultJobOptions: kept })
    await queue.waitUntilReady()
    const flows = mode === "workflows" ? new FlowProducer({ connection }) : undefined
    await flows?.waitUntilReady()
    const enqueue = async (payload: Payload) => {
      await queue.add("work", encodePayload(payload), optionsOf(mode, payload))
    }
    const memberOf = (payload: Payload) => ({ name: "work", queueName, data: encodePayload(payload), opts: kept })
    return {
      enqueue,
      enqueueBulk: async (payloads) => {
        await queue.addBulk(payloads.map((payload) => ({ name: "work", data: encodePayload(payload) })))
      },
      enqueueEach: (payloads, inFlight) => inLanes(payloads, inFlight, enqueue),
      enqueueWorkflow: async (last, others) => {
        await flows?.add({ ...memberOf(last), children: others.map(memberOf) })
      },
      readyWorker: async ({ concurrency, onDone, onJob, sleepMillis = 0 }) => {
        const worker = new Worker(
          queueName,
          async (job) => {
            if (sleepMillis > 0) await sleep(sleepMillis)
            const payload = decodePayload(job.data)
            onJob(payload)
            return mode === "results" ? payload.id : undefined
          },
          { connection, concurrency, autorun: false }
        )
        worker.on("error", (error) => console.error(error))
        worker.on("failed", (_, error) => console.error(error))
        if (onDone !== undefined) worker.on("completed", onDone)
        await worker.waitUntilReady()
        return {
          start: async () => {
            worker.run().catch((error: unknown) => console.error(error))
          },
          stop: () => worker.close()
        }
      },
      unfinished: () => queue.getJobCountByTypes("wait", "active", "prioritized", "delayed", "waiting-children"),
      close: async () => {
        await flows?.close()
        await queue.close()
      }
    }
  }
}

export default bullmq
