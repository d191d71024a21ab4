import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Client, QueueControl, Task, Worker } from "winterq"
import * as Redis from "winterq/redis"
import type { Contender } from "../lib/Contender.mts"
import { payloadFields } from "../lib/payload.mts"

const queue = "bench"

class Work extends Task.make("bench.work", { payload: payloadFields, queue }) {}

const winterq: Contender = {
  open: async ({ host, port }) => {
    const scope = Scope.makeUnsafe()
    const services = await Effect.runPromise(
      Layer.buildWithScope(
        Client.layer.pipe(Layer.provideMerge(Redis.layer({ url: `redis://${host}:${port}` }))),
        scope
      )
    )
    const run = Effect.runPromiseWith(services)
    const { depths } = Context.get(services, QueueControl)
    return {
      enqueue: async (payload) => {
        await run(Client.enqueue(Work, payload))
      },
      enqueueBulk: async (payloads) => {
        await run(Client.enqueueMany(Work, payloads))
      },
      enqueueEach: (payloads, inFlight) =>
        run(
          Effect.forEach(payloads, (payload) => Client.enqueue(Work, payload), { concurrency: inFlight, discard: true })
        ),
      readyWorker: async ({ concurrency, onJob }) => {
        const workerScope = Scope.makeUnsafe()
        const WorkLive = Worker.handler(Work, (payload) => Effect.sync(() => onJob(payload)))
        const worker = Worker.layer({ tasks: [Work], queues: [queue], concurrency }).pipe(Layer.provide(WorkLive))
        return {
          start: async () => {
            await run(Layer.buildWithScope(worker, workerScope))
          },
          stop: () => Effect.runPromise(Scope.close(workerScope, Exit.void))
        }
      },
      unfinished: async () => {
        const { active, pending, retry, scheduled } = await run(depths(queue))
        return active + pending + retry + scheduled
      },
      close: () => Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}

export default winterq
