import { setTimeout as sleep } from "node:timers/promises"
import { Redis } from "ioredis"
import type { Contender, WorkerSettings } from "../lib/Contender.mts"
import { inChunks, type Payload } from "../lib/payload.mts"
import { inLanes } from "../lib/lanes.mts"

const [records, waiting] = ["floor:jobs", "floor:waiting"]
const blockSeconds = 1
/** Taken at once at least, however few are handled at once. */
const batch = 100

/** Takes, reads and removes records in batches; the removals of one batch travel with the taking of the next. */
const lane = async (redis: Redis, handlers: number, settings: WorkerSettings, stopped: () => boolean) => {
  const { onDone, onJob, sleepMillis = 0 } = settings
  let handled: ReadonlyArray<string> = []
  const settle = async () => {
    const [removed, taken] = await Promise.all([
      handled.length === 0 ? 0 : redis.hdel(records, ...handled),
      stopped() ? null : redis.lpop(waiting, Math.max(batch, handlers))
    ])
    for (let n = 0; n < removed; n++) onDone?.()
    handled = []
    return taken
  }
  for (;;) {
    let ids = await settle()
    if (stopped()) return
    if (ids === null) {
      const one = await redis.blpop(waiting, blockSeconds)
      if (one === null) continue
      ids = [one[1]]
    }
    const texts = await redis.hmget(records, ...ids)
    if (sleepMillis > 0) await inLanes(texts, handlers, () => sleep(sleepMillis))
    for (const text of texts) onJob(JSON.parse(text!))
    handled = ids
  }
}

const floor: Contender = {
  guarantees:
    "none, and no queue: the same bytes moved by bare pipelined commands (HSET and RPUSH; LPOP, HMGET and HDEL in " +
    "batches), unchecked; a record taken by a process that dies is lost. It shows what Redis and the driver cost",
  modes: ["plain"],
  usualRounds: 2,
  open: async ({ host, port }) => {
    const options = { host, port, maxRetriesPerRequest: null, enableAutoPipelining: true }
    const redis = new Redis(options)
    await redis.ping()
    const enqueue = async (payload: Payload) => {
      await Promise.all([redis.hset(records, payload.id, JSON.stringify(payload)), redis.rpush(waiting, payload.id)])
    }
    return {
      enqueue,
      enqueueBulk: async (payloads) => {
        await Promise.all([
          redis.hset(records, ...payloads.flatMap((payload) => [payload.id, JSON.stringify(payload)])),
          redis.rpush(waiting, ...payloads.map(({ id }) => id))
        ])
      },
      enqueueEach: (payloads, inFlight) => inLanes(payloads, inFlight, enqueue),
      readyWorker: async (settings) => {
        let stopped = false
        // two, so that client and Redis work at the same time
        const slots = inChunks(Array.from({ length: settings.concurrency }), Math.ceil(settings.concurrency / 2))
        const connections = slots.map(() => new Redis(options))
        await Promise.all(connections.map((connection) => connection.ping()))
        let lanes: Promise<unknown> = Promise.resolve()
        return {
          start: async () => {
            lanes = Promise.all(
              slots.map(({ length }, index) => lane(connections[index]!, length, settings, () => stopped))
            )
            lanes.catch((error: unknown) => console.error(error))
          },
          stop: async () => {
            stopped = true
            await lanes
            for (const connection of connections) connection.disconnect()
          }
        }
      },
      unfinished: () => redis.hlen(records),
      close: async () => {
        await redis.quit()
      }
    }
  }
}

export default floor
