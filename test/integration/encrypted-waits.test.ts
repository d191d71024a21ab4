import { randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Client, Encryption, Worker } from "winterq"
import * as Redis from "winterq/redis"
import { freshRedis } from "../support/fresh-redis.ts"
import { Say, until } from "../support/Station.ts"

const key = Redacted.make(randomBytes(32).toString("base64"))

describe("encryption on real Redis", () => {
  it.live("CRYPT-1 WAKE-6 a worker that waits is given jobs that it can read", () =>
    Effect.gen(function* () {
      const { url } = yield* freshRedis()
      const said: Array<number> = []
      const handler = Worker.handler(Say, ({ n }) => Effect.sync(() => void said.push(n)))
      const ports = yield* Layer.build(
        Layer.mergeAll(Client.layer, Worker.layer({ tasks: [Say], drain: 0 }).pipe(Layer.provide(handler))).pipe(
          Layer.provideMerge(Encryption.layer({ keys: { k1: key }, current: "k1" })),
          Layer.provideMerge(Redis.layer({ url }))
        )
      )

      // the first claims that wait are those of scripts that the server does not know yet
      for (const n of [0, 1, 2, 3]) {
        yield* Effect.provideContext(Client.enqueue(Say, { n }), ports)
        yield* until(`job ${n} has run`, () => said.length > n)
      }

      assert.deepStrictEqual(said, [0, 1, 2, 3])
    }).pipe(Effect.scoped)
  )
})
