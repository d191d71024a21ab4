import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Client, type EnqueueOptions, QueueControl, SkipRetry, Task, Worker, Workflow, Workflows } from "winterq"
import * as Memory from "winterq/memory"
import * as Redis from "winterq/redis"
import type { Contender, Mode, WorkerSettings } from "../lib/Contender.mts"
import { type Payload, payloadFields } from "../lib/payload.mts"

const queue = "bench"

class Work extends Task.make("bench.work", { payload: payloadFields, queue }) {}
class Kept extends Task.make("bench.kept", { payload: payloadFields, queue, retention: "1 hour" }) {}
class Resulting extends Task.make("bench.resulting", {
  payload: payloadFields,
  success: Schema.String,
  queue,
  retention: "1 hour"
}) {}

const taskOf = (mode: Mode) => (mode === "results" ? Resulting : mode === "kept" ? Kept : Work) as typeof Resulting

const optionsOf = (mode: Mode, { id, userId }: Payload): EnqueueOptions<typeof Resulting> | undefined => {
  if (mode === "unique") return { unique: { key: id } }
  if (mode === "priorities") return { priority: userId % 3 }
  return undefined
}

const handlerOf = ({ onJob, sleepMillis = 0 }: WorkerSettings) => {
  const handle = (payload: Payload) =>
    Effect.suspend(() => {
      try {
        onJob(payload)
        return Effect.succeed(payload.id)
      } catch (error) {
        return Effect.fail(new SkipRetry({ error }))
      }
    })
  return sleepMillis === 0 ? handle : (payload: Payload) => Effect.andThen(Effect.sleep(sleepMillis), handle(payload))
}

const winterq: Contender = {
  guarantees:
    "at least once: a lease of 30 s, extended while the handler runs, fenced by a token; nothing kept of completed " +
    "jobs, dead ones kept; the worker claims ahead and settles in batches",
  modes: ["plain", "kept", "results", "unique", "priorities", "workflows", "scheduled", "dead", "memory"],
  open: async ({ host, port }, mode) => {
    const scope = Scope.makeUnsafe()
    const backend = mode === "memory" ? Memory.layer : Redis.layer({ url: `redis://${host}:${port}` })
    const client = Layer.mergeAll(Client.layer, Workflows.layer).pipe(Layer.provideMerge(backend))
    // a line for each death is not what is measured
    const logs = Layer.succeed(References.MinimumLogLevel, mode === "dead" ? "None" : "Info")
    const services = await Effect.runPromise(Layer.buildWithScope(Layer.mergeAll(client, logs), scope))
    const run = Effect.runPromiseWith(services)
    const { depths } = Context.get(services, QueueControl)
    const task = taskOf(mode)
    const enqueue = (payload: Payload) => Client.enqueue(task, payload, optionsOf(mode, payload))
    return {
      enqueue: async (payload) => {
        await run(enqueue(payload))
      },
      enqueueBulk: async (payloads) => {
        await run(Client.enqueueMany(task, payloads))
      },
      enqueueEach: (payloads, inFlight) =>
        run(Effect.forEach(payloads, enqueue, { concurrency: inFlight, discard: true })),
      enqueueScheduled: async (payloads) => {
        await run(Client.enqueueMany(task, payloads, { delay: "1 day" }))
      },
      enqueueWorkflow: async (last, others) => {
        const members = others.map((payload) => Workflow.job(Work, payload))
        await run(Workflows.start(Workflow.chord(members, Workflow.job(Work, last))))
      },
      readyWorker: async (settings) => {
        const { concurrency, onDone } = settings
        const workerScope = Scope.makeUnsafe()
        const worker = Worker.layer({
          tasks: [task],
          queues: [queue],
          concurrency,
          ...(onDone === undefined ? {} : { hooks: { onComplete: () => Effect.sync(onDone) } }),
          retention: { maxDead: 10_000_000 }
        }).pipe(Layer.provide(Worker.handler(task, handlerOf(settings))))
        return {
          start: async () => {
            await run(Layer.buildWithScope(worker as Layer.Layer<Worker, unknown, never>, workerScope))
          },
          stop: () => Effect.runPromise(Scope.close(workerScope, Exit.void))
        }
      },
      unfinished: async () => {
        // scheduled jobs are not to run yet
        const { active, pending, retry, scheduled } = await run(depths(queue))
        return active + pending + retry + (mode === "scheduled" ? 0 : scheduled)
      },
      close: () => Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}

export default winterq
