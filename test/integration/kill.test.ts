import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Client, JobStore, Worker } from "winterq"
import * as Redis from "winterq/redis"
import { redisUrl } from "../support/redis-url.ts"
import { Slow } from "./Slow.ts"
import { startStuckWorker } from "./stuck-worker-process.ts"

describe("kill -9", () => {
  it.live("a job whose worker is killed completes elsewhere after its lease", () =>
    Effect.gen(function* () {
      const url = redisUrl()
      const prefix = `kill-${randomUUID()}`
      const Backend = Redis.layer({ url, prefix })
      const ports = yield* Layer.build(Client.layer.pipe(Layer.provideMerge(Backend)))

      yield* Effect.gen(function* () {
        const { id } = yield* Client.enqueue(Slow, { name: "survivor" })
        const { child, line } = yield* startStuckWorker(url, prefix)
        assert.strictEqual(line, `started ${id} 1`)
        child.kill("SIGKILL")
        yield* Effect.promise(() => once(child, "exit"))

        const completed = yield* Effect.callback<string>((resume) => {
          const fiber = Effect.runFork(
            Layer.launch(
              Worker.layer({ tasks: [Slow] }).pipe(
                Layer.provide(
                  Worker.handler(Slow, ({ name }, { attempt }) => {
                    resume(Effect.succeed(`${name} ${attempt}`))
                    return Effect.succeed("done")
                  })
                ),
                Layer.provide(Layer.succeedContext(ports))
              )
            )
          )
          return Effect.sync(() => fiber.interruptUnsafe())
        })

        assert.strictEqual(completed, "survivor 2")
        const store = yield* JobStore
        const settled = yield* store
          .get("slow", id)
          .pipe(Effect.map(Option.getOrThrow), Effect.repeat({ until: (job) => job.state === "completed" }))
        assert.deepInclude(settled, { state: "completed", attempt: 2, rescues: 1 })
        assert.deepInclude(settled.failures[0], { attempt: 1, outcome: "crashed" })
      }).pipe(Effect.provideContext(ports), Effect.scoped)
    }).pipe(Effect.scoped)
  )
})
