import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { JobStore } from "winterq"
import * as Redis from "winterq/redis"
import { job } from "../../src/testing/contract/support.ts"
import { redisUrl } from "../support/redis-url.ts"

const onRedis = Redis.layer({ url: redisUrl(), prefix: `batches-${randomUUID().slice(0, 8)}` })

/** Its tags cannot be written out. */
const broken = (id: string) => ({
  ...job(id),
  tags: [
    {
      length: 1,
      toJSON: () => {
        throw new Error("no")
      }
    } as unknown as string
  ]
})

describe("calls that travel together", () => {
  it.live("a call that cannot be written out fails alone, and stores none of its jobs", () =>
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* store.enqueue("q", [job("known")])

      const exits = yield* Effect.all(
        [
          store.enqueue("q", [job("a")]),
          store.enqueue("q", [job("good"), broken("broken"), job("good-too")]),
          store.enqueue("q", [job("b"), job("known"), job("c")])
        ].map(Effect.exit),
        { concurrency: "unbounded" }
      )

      const ids = ["a", "good", "broken", "b", "c"]
      const stored = yield* Effect.filter(ids, (id) => Effect.map(store.get("q", id), Option.isSome))
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true])
      assert.deepStrictEqual(
        exits[2],
        Exit.succeed([{ _tag: "Enqueued" }, { _tag: "Existing", identical: true }, { _tag: "Enqueued" }] as const)
      )
      assert.deepStrictEqual(stored, ["a", "b", "c"])
    }).pipe(Effect.provide(onRedis))
  )

  it.live("two hundred thousand jobs of one call are stored, as is the call beside it", () =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const many = Array.from({ length: 200_000 }, (_, n) => job(`job-${n}`))

      const [outcomes, beside] = yield* Effect.all([store.enqueue("many", many), store.enqueue("many", [job("one")])], {
        concurrency: "unbounded"
      })

      assert.lengthOf(outcomes, 200_000)
      assert.deepStrictEqual(beside, [{ _tag: "Enqueued" }])
      assert.isTrue(Option.isSome(yield* store.get("many", "job-199999")))
    }).pipe(Effect.provide(onRedis))
  )
})
