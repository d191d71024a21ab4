// The program of the producing process: see child.mts.
import { setTimeout as sleep } from "node:timers/promises"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Client } from "winterq"
import * as Redis from "winterq/redis"
import { answer, nowMillis, processSample } from "./child.mts"
import { enqueue, type Tasks, tasksOf } from "./mix.mts"
import type { ProducerSample, SoakRequest } from "./protocol.mts"

const lanes = 100

let settings: Extract<SoakRequest, { ask: "open" }>
let tasks: Tasks
let stopped = false
let production: Promise<unknown> = Promise.resolve()
const scope = Scope.makeUnsafe()
let runFork: ReturnType<typeof Effect.runForkWith<Client>>
const counts = { sent: 0, accepted: 0, duplicates: 0, failed: 0 }

/** Enqueues the next job; never fails. */
const next = (plannedAt: number) =>
  Effect.suspend(() => enqueue(tasks, counts.sent++, plannedAt)).pipe(
    Effect.matchCause({
      onSuccess: (duplicate) => {
        counts[duplicate ? "duplicates" : "accepted"]++
      },
      onFailure: (cause) => {
        if (counts.failed++ === 0) console.error(`an enqueue failed: ${Cause.pretty(cause)}`)
      }
    })
  )

const more = () => !stopped && counts.sent < settings.numbers

/** By the clock: what is due is sent, however many calls have not been answered. */
const produceAt = async (rate: number) => {
  const startedAt = nowMillis()
  while (more()) {
    const due = Math.min(settings.numbers, Math.floor(((nowMillis() - startedAt) * rate) / 1000))
    while (counts.sent < due) runFork(next(startedAt + (counts.sent * 1000) / rate))
    await sleep(1)
  }
}

const produceFreely = () => {
  const lane = Effect.whileLoop({ while: more, body: () => Effect.suspend(() => next(nowMillis())), step: () => {} })
  const all = Effect.all(
    Array.from({ length: lanes }, () => lane),
    { concurrency: lanes, discard: true }
  )
  return new Promise((resolve) => runFork(all).addObserver(resolve))
}

const inFlight = () => counts.sent - counts.accepted - counts.duplicates - counts.failed

const sample = (): ProducerSample => ({ ...processSample(), ...counts, inFlight: inFlight() })

answer(async (request) => {
  switch (request.ask) {
    case "open": {
      settings = request
      tasks = tasksOf(request.keepSeconds)
      const { host, port } = request.target
      const layer = Client.layer.pipe(Layer.provide(Redis.layer({ url: `redis://${host}:${port}` })))
      runFork = Effect.runForkWith(await Effect.runPromise(Layer.buildWithScope(layer, scope)))
      return
    }
    case "start":
      production = settings.rate === undefined ? produceFreely() : produceAt(settings.rate)
      return
    case "sample":
      return sample()
    case "stop":
      stopped = true
      await production
      // each ends within the timeout of its call
      while (inFlight() > 0) await sleep(10)
      await Effect.runPromise(Scope.close(scope, Exit.void))
      return sample()
    case "check":
      throw new Error("only a worker knows")
  }
})
