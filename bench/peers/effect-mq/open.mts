// effect-mq behind the interface of the benchmark. Effect is here the version of this folder.
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import { Effect, Exit, Layer, Schema, Scope } from "effect"
import { Job, JobStore, MemoryJobStore, Worker } from "effect-mq"
import { RedisJobStore } from "effect-mq/redis"
import type { Mode, OpenQueue, Target, WorkerSettings } from "../../lib/Contender.mts"
import type { Payload } from "../../lib/payload.mts"

const queue = "bench"

// the fields of lib/payload.mts
const payload = {
  id: Schema.String,
  userId: Schema.Int,
  email: Schema.String,
  amount: Schema.Number,
  tags: Schema.Array(Schema.String)
}

class Work extends Job.make("Work", { payload, queue, defaults: { keep: { completed: { count: 0 } } } }) {}
class Kept extends Job.make("Kept", { payload, queue }) {}
class Resulting extends Job.make("Resulting", { payload, queue, success: Schema.String }) {}
class Unique extends Job.make("Unique", {
  payload,
  queue,
  dedupe: ({ id }) => id,
  defaults: { keep: { completed: { count: 0 } } }
}) {}

const jobOf = (mode: Mode) =>
  (mode === "results" ? Resulting : mode === "kept" ? Kept : mode === "unique" ? Unique : Work) as typeof Work

/** Tells when the store has recorded a completion, which the worker does not. */
const telling = (onDone: (() => void) | undefined) =>
  Layer.effect(
    JobStore.JobStore,
    Effect.map(JobStore.JobStore, (store) =>
      onDone === undefined
        ? store
        : {
            ...store,
            ack: (...args: Parameters<typeof store.ack>) => Effect.tap(store.ack(...args), () => Effect.sync(onDone))
          }
    )
  )

const handlerOf = (mode: Mode, { onJob, sleepMillis = 0 }: WorkerSettings) => {
  const handle = (payload: Payload) =>
    Effect.sync(() => {
      onJob(payload)
      return mode === "results" ? payload.id : undefined
    })
  return sleepMillis === 0 ? handle : (payload: Payload) => Effect.andThen(Effect.sleep(sleepMillis), handle(payload))
}

export const open = async ({ host, port }: Target, mode: Mode): Promise<OpenQueue> => {
  const scope = Scope.makeUnsafe()
  const backend =
    mode === "memory"
      ? MemoryJobStore.layer
      : RedisJobStore.layer().pipe(Layer.provide(NodeRedis.layer({ socket: { host, port } })))
  const services = await Effect.runPromise(Layer.buildWithScope(backend, scope))
  const run = Effect.runPromiseWith(services)
  const job = jobOf(mode)
  const enqueue = (payload: Payload) =>
    job.enqueue(payload, mode === "priorities" ? { priority: payload.userId % 3 } : undefined)
  return {
    enqueue: async (payload) => {
      await run(enqueue(payload))
    },
    enqueueBulk: async (payloads) => {
      await run(job.enqueueMany(payloads))
    },
    enqueueEach: (payloads, inFlight) =>
      run(Effect.forEach(payloads, enqueue, { concurrency: inFlight, discard: true })),
    readyWorker: async (settings) => {
      const workerScope = Scope.makeUnsafe()
      const { concurrency, onDone } = settings
      const worker = job
        .toLayer(handlerOf(mode, settings) as never, { concurrency })
        .pipe(Layer.provide(Worker.layer({ concurrency })), Layer.provide(telling(onDone)))
      return {
        start: async () => {
          await run(Layer.buildWithScope(worker as Layer.Layer<never>, workerScope))
        },
        stop: () => Effect.runPromise(Scope.close(workerScope, Exit.void))
      }
    },
    unfinished: async () => {
      const counts = await run(JobStore.JobStore.use((store) => store.counts()))
      return counts.waiting + counts.active + counts.delayed
    },
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
