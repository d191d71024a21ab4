import * as NodeRedis from "@effect/platform-node/NodeRedis"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { PersistedQueue } from "effect/persistence"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import type { Contender, WorkerSettings } from "../lib/Contender.mts"
import { type Payload, payloadFields } from "../lib/payload.mts"

const name = "bench"
const prefix = "effectq:"
const schema = Schema.Struct(payloadFields)

type Work = PersistedQueue.PersistedQueue<Payload>

/** The loop that its documentation shows: take, handle, repeat; as many of them as there is concurrency. */
const takeForever = (queue: Work, { onDone, onJob, sleepMillis = 0 }: WorkerSettings) =>
  queue
    .take((payload) =>
      sleepMillis === 0
        ? Effect.sync(() => onJob(payload))
        : Effect.andThen(
            Effect.sleep(sleepMillis),
            Effect.sync(() => onJob(payload))
          )
    )
    .pipe(Effect.andThen(Effect.sync(() => onDone?.())), Effect.forever)

const persistedQueue: Contender = {
  guarantees:
    "at least once: locks of 90 s, refreshed every 30 s, ends fenced; at most 10 attempts; nothing kept of completed " +
    "jobs unless they have an id of the caller's, which stays for 30 days; other processes are found by polling, every second",
  modes: ["plain", "unique", "memory"],
  usualRounds: 2,
  open: async ({ host, port }, mode) => {
    const scope = Scope.makeUnsafe()
    const store =
      mode === "memory"
        ? PersistedQueue.layerStoreMemory
        : PersistedQueue.layerStoreRedis({ prefix }).pipe(Layer.provide(NodeRedis.layer({ socket: { host, port } })))
    const services = await Effect.runPromise(
      Layer.buildWithScope(PersistedQueue.layer.pipe(Layer.provide(store)), scope)
    )
    const run = Effect.runPromiseWith(services)
    const queue: Work = await run(PersistedQueue.make({ name, schema }))
    const redis = mode === "memory" ? undefined : new Redis({ host, port, maxRetriesPerRequest: null })
    let [offered, handled] = [0, 0]
    const offer = (payload: Payload) => queue.offer(payload, mode === "unique" ? { id: payload.id } : undefined)
    const offerAll = (payloads: ReadonlyArray<Payload>, concurrency: number | "unbounded") => {
      offered += payloads.length
      return run(Effect.forEach(payloads, offer, { concurrency, discard: true }))
    }
    return {
      enqueue: (payload) => offerAll([payload], 1),
      // it has no bulk call
      enqueueBulk: (payloads) => offerAll(payloads, "unbounded"),
      enqueueEach: offerAll,
      readyWorker: async (settings) => {
        const workerScope = Scope.makeUnsafe()
        const worker = takeForever(queue, {
          ...settings,
          onDone: () => {
            handled++
            settings.onDone?.()
          }
        })
        return {
          start: async () => {
            for (let n = 0; n < settings.concurrency; n++) {
              await Effect.runPromise(Scope.provide(Effect.forkScoped(worker), workerScope))
            }
          },
          stop: () => Effect.runPromise(Scope.close(workerScope, Exit.void))
        }
      },
      unfinished: async () => {
        if (redis === undefined) return offered - handled
        const [waiting, running] = await Promise.all([
          redis.llen(`${prefix}${name}`),
          redis.hlen(`${prefix}${name}:pending`)
        ])
        return waiting + running
      },
      close: async () => {
        await redis?.quit()
        await Effect.runPromise(Scope.close(scope, Exit.void))
      }
    }
  }
}

export default persistedQueue
