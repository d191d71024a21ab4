import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Client, type JobHandle, Task, Worker } from "winterq"
import * as Redis from "winterq/redis"
import { redisUrl } from "../support/redis-url.ts"

class Work extends Task.make("ahead.work", {
  payload: { name: Schema.String, children: Schema.Int },
  success: Schema.String,
  queue: "ahead"
}) {}

/** A worker with a connection of its own; its handlers say where they ran. */
const workerOn = Effect.fnUntraced(function* (prefix: string, name: string, concurrency: number) {
  const services = yield* Layer.build(Client.layer.pipe(Layer.provideMerge(Redis.layer({ url: redisUrl(), prefix }))))
  const enqueue = (name: string, children = 0) =>
    Effect.provideContext(Client.enqueue(Work, { name, children }), services)
  const result = (handle: JobHandle<typeof Work>) => Effect.provideContext(Client.awaitResult(handle), services)
  /** Runs at once, or enqueues others beside it and waits for them. */
  const handler = Worker.handler(Work, ({ children }) =>
    Effect.gen(function* () {
      const handles = yield* Effect.forEach(Array.from({ length: children }), (_, i) => enqueue(`child-${i}`))
      const where = yield* Effect.forEach(handles, result)
      return [name, ...where].join(" ")
    })
  )
  yield* Layer.build(
    Worker.layer({ tasks: [Work], concurrency, ticks: false, drain: 0 }).pipe(
      Layer.provide(handler),
      Layer.provide(Layer.succeedContext(services))
    )
  )
  return { enqueue, result }
})

describe("jobs that were claimed ahead of handlers", () => {
  it.live("do not wait for handlers that turn out to take long, while another worker is idle", () =>
    Effect.gen(function* () {
      const prefix = `ahead-${crypto.randomUUID().slice(0, 8)}`
      const one = yield* workerOn(prefix, "one", 1)
      // it learns that handlers are quick, and claims ahead
      for (let i = 0; i < 50; i++) yield* Effect.flatMap(one.enqueue(`quick-${i}`), one.result)
      yield* workerOn(prefix, "other", 10)

      // its only handler waits for jobs that are handed to its own worker
      const parent = yield* one.enqueue("parent", 3)
      const where = yield* Effect.timeout(one.result(parent), "3 seconds")

      assert.match(where, /^(one other other other|other .*)$/)
    }).pipe(Effect.scoped)
  )
})
