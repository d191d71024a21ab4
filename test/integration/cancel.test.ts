import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Client } from "winterq"
import * as Redis from "winterq/redis"
import { redisUrl } from "../support/redis-url.ts"
import { Slow } from "./Slow.ts"
import { startStuckWorker } from "./stuck-worker-process.ts"

describe("cancelling from another process", () => {
  it.live("a handler running in another process is interrupted within a second, and whoever waits is told", () =>
    Effect.gen(function* () {
      const [url, prefix] = [redisUrl(), `cancel-${randomUUID()}`]
      const services = yield* Layer.build(Client.layer.pipe(Layer.provide(Redis.layer({ url, prefix }))))

      yield* Effect.gen(function* () {
        const handle = yield* Client.enqueue(Slow, { name: "unwanted" })
        const { nextLine } = yield* startStuckWorker(url, prefix)
        const waiting = yield* Effect.forkChild(Effect.flip(Client.awaitResult(handle)))
        const heard = yield* Effect.forkChild(nextLine, { startImmediately: true })

        const cancelledAt = performance.now()
        const outcome = yield* Client.cancel(handle, "not wanted any more")
        const line = yield* Fiber.join(heard)
        const error = yield* Fiber.join(waiting)
        const millis = performance.now() - cancelledAt

        assert.deepStrictEqual([outcome, line], ["requested", `interrupted ${handle.id}`])
        assert.deepInclude(error, { _tag: "JobCancelled", reason: "not wanted any more" })
        assert.isBelow(millis, 1000)
        console.log(`interrupted, settled and told in ${millis.toFixed(0)} ms`)
      }).pipe(Effect.provideContext(services))
    }).pipe(Effect.scoped)
  )
})
