import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { JobStore } from "winterq"
import * as Redis from "winterq/redis"
import { formatVersion } from "../../src/backends/redis/keys.ts"
import { type Answer, bulk, fakeRedis } from "../support/FakeRedis.ts"

const info = (fields: Readonly<Record<string, string>>) =>
  bulk(
    Object.entries({ redis_version: "7.0.15", role: "master", maxmemory_policy: "noeviction", ...fields })
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join("")
  )

/** Answers the checks like a server with this INFO and this stored format. */
const server =
  (fields: Readonly<Record<string, string>>, others: Readonly<Record<string, string | undefined>> = {}): Answer =>
  (command) => {
    if (command in others) return others[command]
    if (command === "INFO") return info(fields)
    if (command === "GET") return bulk(formatVersion)
    return command === "HELLO" ? "-ERR unknown command\r\n" : "+OK\r\n"
  }

const errorOf = (options: Redis.Options) =>
  Effect.flip(Effect.scoped(Layer.build(Redis.layer({ timeout: "300 millis", ...options }))))

const refused = (answer: Answer) =>
  Effect.gen(function* () {
    const written: Array<string> = []
    const { url } = yield* fakeRedis((command, args) => {
      if (/^(EVAL|EVALSHA|SADD)$/.test(command)) written.push(command)
      return answer(command, args)
    })
    const error = yield* errorOf({ url })
    assert.deepStrictEqual(written, [])
    return error
  })

describe("an unsuitable Redis", () => {
  for (const [title, answer, reason, detail] of [
    ["too old", server({ redis_version: "6.2.14" }), "too-old", "6.2.14"],
    ["evicting", server({ maxmemory_policy: "allkeys-lru" }), "evicting", "allkeys-lru"],
    ["a replica", server({ role: "slave" }), "read-only", "replica"],
    ["a node of a cluster", server({ cluster_enabled: "1" }), "cluster-node", "cluster option"],
    ["in another format", server({}, { GET: bulk("99") }), "other-format", "99"],
    ["refusing INFO", server({}, { INFO: "-NOPERM no INFO for you\r\n" }), "refused", "NOPERM"],
    ["silent", server({}, { INFO: undefined }), "unreachable", "300 ms"]
  ] as const) {
    it.live(`a Redis that is ${title} is refused with the reason, and nothing is written`, () =>
      Effect.gen(function* () {
        const error = yield* refused(answer)

        assert.strictEqual(error._tag, "RedisUnsuitable")
        assert.strictEqual(error.reason, reason)
        assert.include(error.message, detail)
      })
    )
  }

  it.live("a Redis that is not there is refused as unreachable", () =>
    Effect.gen(function* () {
      const error = yield* errorOf({ url: "redis://127.0.0.1:1" })

      assert.strictEqual(error.reason, "unreachable")
    })
  )

  it.live("a url that is none is told as such, and leads nowhere", () =>
    Effect.gen(function* () {
      const errors = yield* Effect.forEach(["", "redis://localhost/abc", "http://u:SECRET@localhost"], (url) =>
        errorOf({ url })
      )

      for (const { message, reason } of errors) {
        assert.strictEqual(reason, "unreachable")
        assert.match(message, /its url (must start with|names a database)/)
        assert.notInclude(message, "SECRET")
      }
    })
  )
})

describe("a Redis that fails later", () => {
  for (const [title, reply, reason, retryable] of [
    ["full", "-OOM command not allowed when used memory > 'maxmemory'.\r\n", "full", true],
    ["read-only", "-READONLY You can't write against a read only replica.\r\n", "read-only", true],
    ["short of replicas", "-NOREPLICAS Not enough good replicas to write.\r\n", "read-only", true],
    ["loading", "-LOADING Redis is loading the dataset in memory\r\n", "unavailable", true],
    ["forbidding", "-NOPERM this user has no permissions to run the 'evalsha' command\r\n", "denied", false],
    ["broken", "-ERR something else\r\n", "rejected", false],
    ["silent", undefined, "unavailable", true]
  ] as const) {
    it.live(`a Redis that is ${title} gives a typed error within the timeout`, () =>
      Effect.gen(function* () {
        const { url } = yield* fakeRedis(server({}, { EVALSHA: reply, EVAL: reply }))
        const store = yield* Layer.build(Redis.layer({ url, timeout: "300 millis" })).pipe(
          Effect.flatMap((ports) => Effect.provideContext(JobStore, ports))
        )

        const error = yield* Effect.flip(store.promote("q", 1))

        assert.strictEqual(error._tag, "StoreError")
        assert.deepInclude(error, { operation: "promote", reason, retryable })
      }).pipe(Effect.scoped)
    )
  }
})
