import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Redis } from "ioredis"
import { type Created, type NewWorkflow, WorkflowStore } from "winterq"
import { directoryKeysOf } from "../../src/backends/redis/keys.ts"
import { freshRedis } from "../support/fresh-redis.ts"
import { producerOn } from "../support/Station.ts"

const workflow: NewWorkflow = {
  id: "w",
  name: "w",
  policy: "stop",
  nodes: [
    {
      job: { queue: "say", job: { kind: "k", payload: "{}", priority: 5, maxAttempts: 1, retainMillis: 0 } },
      parents: [],
      children: []
    }
  ],
  fingerprint: "f",
  retainMillis: 1000,
  retainFailedMillis: 1000,
  deadlineMillis: 60_000
}

/** A workflow that was stored just now, and the keys of the directory. */
const stored = Effect.gen(function* () {
  const server = yield* freshRedis()
  const { ports } = yield* producerOn({ url: server.url })
  const redis = yield* Effect.acquireRelease(
    Effect.sync(() => new Redis(server.url)),
    (client) => Effect.sync(() => client.disconnect())
  )
  const store = Context.get(ports, WorkflowStore)
  const created = (yield* store.create(workflow)) as Created
  const directory = directoryKeysOf("winterq")
  const look = Effect.map(
    Effect.promise(() => redis.zscore(directory.looks, "w")),
    Number
  )
  return { created, directory, look, redis, store }
})

describe("where workflows are found", () => {
  it.live("WORKFLOW-9 whoever has driven a new workflow leaves its deadline", () =>
    Effect.gen(function* () {
      const { created, look, store } = yield* stored

      yield* store.driven("w", created)

      assert.strictEqual(yield* look, created.deadlineAt)
    }).pipe(Effect.scoped)
  )

  it.live("WORKFLOW-9 the deadline is left when somebody else had nothing more to do", () =>
    Effect.gen(function* () {
      const { created, directory, look, redis, store } = yield* stored
      yield* Effect.promise(() => redis.zrem(directory.looks, "w"))

      yield* store.driven("w", created)

      assert.strictEqual(yield* look, created.deadlineAt)
    }).pipe(Effect.scoped)
  )

  it.live("WORKFLOW-3 one that was taken out as another of its id is looked at all the same", () =>
    Effect.gen(function* () {
      const { created, directory, look, redis, store } = yield* stored
      yield* Effect.promise(() =>
        redis
          .multi()
          .zrem(directory.looks, "w")
          .zrem(directory.all, "w")
          .zrem(directory.running, "w")
          .hdel(directory.entered, "w")
          .exec()
      )

      yield* store.driven("w", created)

      assert.strictEqual(yield* look, created.lookAt)
    }).pipe(Effect.scoped)
  )

  it.live("WORKFLOW-3 a look that somebody asked for stays, whoever was there first", () =>
    Effect.gen(function* () {
      const { created, look, store } = yield* stored
      yield* store.advance({ id: "w", endings: [], limit: 1, stop: { cause: "cancelled", reason: "" } })
      const asked = yield* look

      yield* store.driven("w", created)

      assert.isBelow(asked, created.lookAt)
      assert.strictEqual(yield* look, asked)
    }).pipe(Effect.scoped)
  )
})
