import * as Result from "effect/Result"
import { assert, describe, it } from "vitest"
import { withShards } from "../../src/cli/shard-settings.ts"
import { overridesOf } from "../../src/cli/worker-options.ts"
import { parseConfig, readConfig } from "../../src/config/Config.ts"

const read = (text: string, environment: Readonly<Record<string, string>> = {}) =>
  readConfig(parseConfig("winter.yaml", text), (name) => environment[name])

const settings = (text: string, environment?: Readonly<Record<string, string>>) =>
  Result.getOrThrow(read(text, environment))

const flags = { queues: [], strict: false }

const sharded = `
queues:
  orders: { weight: 3, shards: 3, concurrency: 20, max_active: 10, max_retries: 4 }
  mail: { max_active: 7 }
`

describe("a sharded queue of a configuration", () => {
  it("is one entry of a worker, with or without flags", () => {
    const orders = { name: "orders", weight: 3, shards: 3, concurrency: 20 }

    assert.deepStrictEqual(overridesOf(flags, settings(sharded)).queues, {
      order: "weighted",
      entries: [orders, { name: "mail" }]
    })
    assert.deepStrictEqual(
      overridesOf({ queues: [{ name: "orders", weight: 5 }], strict: false }, settings(sharded)).queues,
      { order: "weighted", entries: [{ ...orders, weight: 5 }] }
    )
  })

  it("is its shards to what knows only queues, with their part of max_active", () => {
    const { queues } = withShards(settings(sharded))

    assert.deepStrictEqual(
      queues.map(({ maxActive, maxAttempts, name }) => ({ maxActive, maxAttempts, name })),
      [
        { name: "orders.0", maxActive: 4, maxAttempts: 4 },
        { name: "orders.1", maxActive: 4, maxAttempts: 4 },
        { name: "orders.2", maxActive: 4, maxAttempts: 4 },
        { name: "mail", maxActive: 7, maxAttempts: undefined }
      ]
    )
    assert.isTrue(queues.every((queue) => !("shards" in queue)))
  })

  it("takes its number of shards from the environment as well", () => {
    const { queues } = settings(sharded, { WINTER_QUEUES_ORDERS_SHARDS: "8" })

    assert.strictEqual(queues[0]!.shards, 8)
  })

  it("has a number of shards and names that can be", () => {
    const problems = (text: string) => {
      const result = read(text)
      return Result.isFailure(result) ? result.failure.message : ""
    }

    assert.include(
      problems("queues:\n  orders:\n    shards: 257\n"),
      "winter.yaml:3: queues.orders.shards: must be from 1"
    )
    assert.include(problems("queues:\n  orders:\n    shards: many\n"), "queues.orders.shards: must be a")
    assert.include(problems(`queues:\n  ${"a".repeat(127)}:\n    shards: 2\n`), "the name must be 1 to 128")
    assert.strictEqual(problems(`queues:\n  ${"a".repeat(126)}:\n    shards: 2\n`), "")
  })
})
