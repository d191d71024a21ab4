import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Redis as IORedis } from "ioredis"
import { keysOf } from "../../src/backends/redis/keys.ts"
import * as Redis from "../../src/backends/redis/index.ts"
import * as Backoff from "../../src/domain/Backoff.ts"
import { Snooze } from "../../src/domain/Steering.ts"
import * as Task from "../../src/domain/Task.ts"
import * as Workflow from "../../src/domain/Workflow.ts"
import { Client } from "../../src/features/client/Client.ts"
import { Worker } from "../../src/features/worker/Worker.ts"
import { Workflows } from "../../src/features/workflows/Workflows.ts"
import { QueueControl } from "../../src/ports/QueueControl.ts"
import { WorkflowStore } from "../../src/ports/WorkflowStore.ts"
import { check, excerpt } from "../support/history/check.ts"
import { type FaultRates, faults } from "../support/history/faulty.ts"
import type { FinalState, History, QueueView } from "../support/history/History.ts"
import { readFinal } from "../support/history/read-final.ts"
import { recordedHandler, recordedHooks, Recorder, recording } from "../support/history/recording.ts"
import { redisUrl } from "../support/redis-url.ts"
import { seed } from "../support/seed.ts"
import { randomOf } from "../support/simulator/World.ts"

class Work extends Task.make("history.work", {
  payload: { name: Schema.String },
  success: Schema.String,
  maxAttempts: 5,
  backoff: Backoff.fixed("100 millis"),
  retention: "10 minutes"
}) {}

const queues = ["one", "two"] as const
const leaseMillis = 1000
const withinMillis = 20_000
const calm: FaultRates = { lost: 0, replyLost: 0, repeated: 0 }

/** Three steps, what is made of them, and one more after that. */
const someFlow = (queue: () => string) => {
  const step = (name: string) => Workflow.job(Work, { name }, { queue: queue() })
  return Workflow.chain(Workflow.chord([step("a"), step("b"), step("c")], step("d")), step("e"))
}

/** The sorted sets that hold each id. */
const readIndexes = async (url: string, prefix: string, queue: string): Promise<NonNullable<QueueView["indexes"]>> => {
  const client = new IORedis(url)
  const keys = keysOf(prefix, queue)
  const indexes: Record<string, Array<string>> = {}
  for (const name of ["pending", "scheduled", "retry", "active", "completed", "cancelled", "dead"] as const) {
    for (const id of await client.zrange(keys[name], "0", "-1")) (indexes[id] ??= []).push(name)
  }
  client.disconnect()
  return indexes
}

const run = Effect.fnUntraced(function* (seed: number) {
  const random = randomOf(seed)
  const chance = (likely: number) => random() < likely
  const url = redisUrl()
  const prefix = `history-${randomUUID()}`
  const recorder = new Recorder()
  let rates: FaultRates = { lost: 0.05, replyLost: 0.1, repeated: 0.1 }

  /** Connections of its own, and everything that may happen to them. */
  const link = (process: string, goes: Latch.Latch) =>
    faults({ recorder, process, random, rates: () => rates, goes }).pipe(
      Layer.provideMerge(recording(recorder, process)),
      Layer.provideMerge(Redis.layer({ url, prefix }))
    )

  const work = (process: string) =>
    recordedHandler(recorder, process, (_: { readonly name: string }, job) =>
      Effect.gen(function* () {
        yield* Effect.sleep(random() * 100)
        if (chance(0.1)) yield* job.setProgress(job.token)
        if (chance(0.1)) return yield* Effect.fail(new Error("the handler fails"))
        if (chance(0.05)) return yield* Snooze.for(random() * 200)
        if (chance(0.05)) yield* Effect.sleep(1.5 * leaseMillis)
        return `${job.token}`
      })
    )

  const worker = (process: string, goes: Latch.Latch) =>
    Worker.layer({
      tasks: [Work],
      queues,
      concurrency: 5,
      lease: leaseMillis,
      sweep: 500,
      poll: 500,
      drain: "5 seconds",
      hooks: recordedHooks(recorder, process),
      log: false
    }).pipe(Layer.provide(Worker.handler(Work, work(process))), Layer.provide(link(process, goes)))

  const doors = ["worker-0", "worker-1", "worker-2"].map((name) => ({ name, goes: Latch.makeUnsafe(true) }))
  const workers = yield* Scope.make()
  for (const { goes, name } of doors) {
    const starting = Effect.retry(Layer.build(worker(name, goes)), Schedule.spaced(50))
    yield* Scope.provide(starting, workers)
  }

  /** The job that a process began last of those it runs, or nothing. */
  const jobAt = (process: string): string | undefined => {
    const running = new Map<string, string>()
    for (const event of recorder.events) {
      if (event.process !== process) continue
      if (event._tag === "HandlerStarted") running.set(`${event.jobId} ${event.token}`, event.jobId)
      if (event._tag === "HandlerEnded") running.delete(`${event.jobId} ${event.token}`)
    }
    return [...running.values()].at(-1)
  }
  const isRescued = (jobId: string, since: number): boolean =>
    recorder.events
      .slice(since)
      .some(
        (event) =>
          event._tag === "Answered" &&
          (event.op === "exchange" || event.op === "rescue") &&
          [...event.reply.rescued, ...event.reply.buried].includes(jobId)
      )
  const soon = (holds: () => boolean) =>
    Effect.sleep(10).pipe(Effect.repeat({ until: holds }), Effect.timeoutOption("10 seconds"))

  // each worker in turn is held up while it runs a job, until that is another's
  const heldUp = yield* Effect.forEach(
    doors,
    Effect.fnUntraced(function* ({ goes, name }) {
      yield* Effect.sleep(400)
      yield* soon(() => jobAt(name) !== undefined)
      const job = jobAt(name)
      if (job === undefined) return
      const since = recorder.events.length
      yield* recorder.say(name, { _tag: "Fault", kind: "held up beyond its lease" })
      goes.closeUnsafe()
      yield* soon(() => isRescued(job, since)).pipe(Effect.ensuring(Effect.sync(() => goes.openUnsafe())))
    })
  ).pipe(Effect.forkScoped)

  const patient = Effect.retry(Schedule.spaced(50))
  const flows = new Map<string, ReturnType<typeof someFlow>>()
  const startFlow = (id: string) => {
    const flow = flows.get(id) ?? someFlow(() => queues[Math.floor(random() * 2)]!)
    flows.set(id, flow)
    return Workflows.start(flow, { id, onFailure: "finish" })
  }
  const producing = Effect.gen(function* () {
    for (let i = 0; i < 150 || heldUp.pollUnsafe() === undefined; i++) {
      const queue = queues[i % 2]!
      const id = `job-${i}`
      const options = { id, queue, ...(chance(0.2) ? { delay: random() * 500 } : {}), priority: chance(0.2) ? 1 : 5 }
      const told = yield* Client.enqueue(Work, { name: id }, options).pipe(patient)
      const outcome = told.outcome === "enqueued" ? "Enqueued" : "Existing"
      yield* recorder.say("producer", { _tag: "Accepted", queue, jobId: told.id, outcome })
      if (chance(0.05)) yield* Client.cancel(told).pipe(patient)
      if (i % 15 === 0) yield* startFlow(`flow-${i}`).pipe(patient)
      yield* Effect.sleep(random() * 40)
    }
  }).pipe(
    Effect.provide(
      Layer.merge(Client.layer, Workflows.layer).pipe(Layer.provide(link("producer", Latch.makeUnsafe(true))))
    )
  )
  yield* producing
  rates = calm
  yield* recorder.say("test", { _tag: "Healed" })
  const since = performance.now()
  const afterMillis = () => Math.round(performance.now() - since)
  const view = yield* Layer.build(Redis.layer({ url, prefix }))
  // one that was stored, and whose start was lost, would only be found after half a minute; whoever asks again speeds it up
  yield* Effect.forEach(flows.keys(), startFlow).pipe(
    Effect.provide(
      Workflows.layer.pipe(
        Layer.provide(Layer.provideMerge(recording(recorder, "producer"), Layer.succeedContext(view)))
      )
    )
  )
  const unfinished = Effect.gen(function* () {
    const control = yield* QueueControl
    const all = yield* Effect.forEach(queues, (queue) => control.depths(queue))
    const { workflows } = yield* WorkflowStore.use((store) => store.list({ state: "running", limit: 100 }))
    return all.reduce(
      (sum, { active, pending, retry, scheduled }) => sum + active + pending + retry + scheduled,
      workflows.length
    )
  }).pipe(Effect.provideContext(view))
  yield* unfinished.pipe(
    Effect.repeat({ until: (left) => left === 0 || afterMillis() > withinMillis, schedule: Schedule.spaced(50) })
  )
  yield* recorder.say("test", {
    _tag: "Drained",
    afterMillis: afterMillis(),
    withinMillis,
    open: yield* unfinished
  })
  yield* Scope.close(workers, Exit.void)

  const found = yield* readFinal(recorder.events).pipe(Effect.provideContext(view))
  const final: FinalState = {
    ...found,
    queues: yield* Effect.forEach(found.queues, (queueView) =>
      Effect.map(
        Effect.promise(() => readIndexes(url, prefix, queueView.queue)),
        (indexes): QueueView => ({ ...queueView, indexes })
      )
    )
  }
  return { events: recorder.events, final } satisfies History
})

describe("a history of real Redis", () => {
  it.live(
    "breaks no invariant, though replies are lost and workers held up",
    () =>
      Effect.gen(function* () {
        const history = yield* run(seed)
        const { figures, verdicts, violations } = check(history)

        const said = violations.map(({ invariant, jobs, message }) => `${invariant} ${jobs.join(", ")} ${message}`)
        const about = violations.find(({ jobs }) => jobs.length > 0)?.jobs ?? []
        assert.isEmpty(
          violations,
          `seed ${seed}\n${said.join("\n")}\n${about.length > 0 ? excerpt(history, about) : ""}`
        )
        assert.strictEqual(figures.duplicated, 0)
        assert.strictEqual(figures.accepted, figures.completed + figures.dead + figures.cancelled)
        // it must have been put to the test
        assert.isAbove(figures.rescued, 0)
        assert.isAbove(figures.staleRefused, 0)
        assert.isAbove(figures.repeatedEnqueues, 0)
        assert.deepStrictEqual(
          Object.entries(verdicts).flatMap(([id, { checked }]) => (checked === 0 ? [id] : [])),
          // no limits, keys or schedules here, and nobody waits for the end of retention
          ["I10", "I11", "I13", "I14", "I17"]
        )
      }).pipe(Effect.scoped),
    60_000
  )
})
