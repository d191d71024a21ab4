// The program of the working process: see child.mts.
import { createHistogram, type RecordableHistogram } from "node:perf_hooks"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { type JobInfo, Worker } from "winterq"
import * as Redis from "winterq/redis"
import { answer, nowMillis, processSample } from "./child.mts"
import { handle, partOf, queue, runsOf, tasksOf } from "./mix.mts"
import type { Latency, RunCheck, SoakRequest, WorkerSample } from "./protocol.mts"

const scope = Scope.makeUnsafe()
let settings: Extract<SoakRequest, { ask: "open" }>
let runs = new Uint8Array()
let started = 0
const [recent, whole] = [createHistogram(), createHistogram()]

const noteStart = ({ number, plannedAt }: { number: number; plannedAt: number }, { attempt }: JobInfo) => {
  started++
  runs[number]!++
  if (attempt > 1 || partOf(number) === "delayed") return
  const micros = Math.max(1, Math.round((nowMillis() - plannedAt) * 1000))
  recent.record(micros)
  whole.record(micros)
}

const work = Effect.suspend(() => {
  const { Kept, Work } = tasksOf(settings.keepSeconds)
  const handlers = Layer.mergeAll(
    Worker.handler(Work, (payload, job) => {
      noteStart(payload, job)
      return handle(payload, job)
    }),
    Worker.handler(Kept, (payload, job) => {
      noteStart(payload, job)
      return Effect.succeed(payload.id)
    })
  )
  const { host, port } = settings.target
  // a line for each failure that is planned is not what is measured
  const worker = Worker.layer({ tasks: [Work, Kept], queues: [queue], concurrency: 100, log: false }).pipe(
    Layer.provide(handlers),
    Layer.provide(Redis.layer({ url: `redis://${host}:${port}` }))
  )
  return Layer.buildWithScope(worker, scope)
})

const latencyOf = (histogram: RecordableHistogram): Latency => {
  const millis = (micros: number) => (histogram.count === 0 ? Number.NaN : micros / 1000)
  return {
    count: histogram.count,
    p50: millis(histogram.percentile(50)),
    p99: millis(histogram.percentile(99)),
    max: millis(histogram.max)
  }
}

const sample = (fresh: boolean): WorkerSample => {
  const taken = { ...processSample(), started, latency: latencyOf(recent), wholeLatency: latencyOf(whole) }
  recent.reset()
  if (fresh) whole.reset()
  return taken
}

/** Runs are counted from 1, for memory that is written at once does not grow later. */
const check = (sent: number): RunCheck => {
  const found = { missing: 0, tooOften: 0, uniqueNotRun: 0 }
  for (let number = 0; number < sent; number++) {
    const part = partOf(number)
    const [times, expected] = [runs[number]! - 1, runsOf(part)]
    if (times > expected) found.tooOften++
    if (times < expected) found[part === "unique" ? "uniqueNotRun" : "missing"]++
  }
  return found
}

answer(async (request) => {
  switch (request.ask) {
    case "open":
      settings = request
      runs = new Uint8Array(request.numbers).fill(1)
      return
    case "start":
      await Effect.runPromise(work)
      return
    case "sample":
      return sample(request.fresh ?? false)
    case "check":
      return check(request.sent)
    case "stop":
      await Effect.runPromise(Scope.close(scope, Exit.void))
      return sample(false)
  }
})
