import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Redis as IORedis } from "ioredis"
import { decodeExchange } from "../../src/backends/redis/exchange-codec.ts"
import { keysOf, type QueueKey } from "../../src/backends/redis/keys.ts"
import { scripts } from "../../src/backends/redis/scripts/index.ts"
import type { Script } from "../../src/backends/redis/scripts/Script.ts"
import { redisUrl } from "../support/redis-url.ts"

/** Runs scripts as they are sent, so that a test can send the very same bytes twice. */
const open = () => {
  const client = new IORedis(redisUrl())
  const keys = keysOf(`resend-${randomUUID().slice(0, 8)}`, "q")
  const run = (script: Script, ...args: ReadonlyArray<string | number>) =>
    client.call("EVAL", [
      script.source,
      script.keys.length,
      ...script.keys.map((key) => keys[key as QueueKey]),
      ...args
    ])
  return { client, keys, run }
}

/** For an enqueue, with the claim of a worker that waits, if one does. */
const job = (id: string, claim = "") => [claim, 1, id, 1, ",5,3,0,kind,\n\n", "{}"]

const claim = (number: number) => ["1000", "notices:", "worker", number, 10, 30_000, 0]

const complete = (ids: ReadonlyArray<string>, firstToken: number) => [
  ...["1000", "notices:", "worker", "", 0, 0, ids.length],
  ...ids,
  ...ids.map((_, i) => `a${firstToken + i},0`)
]

/** The ids that an exchange handed out, and the first of their tokens. */
const claimedBy = (reply: unknown) => {
  const bytes = Buffer.from(String(Array.isArray(reply) ? reply[0] : reply))
  const { claimed } = decodeExchange(bytes).decoded
  return { ids: claimed.map(({ id }) => id), token: claimed[0]?.token ?? 0 }
}

describe("a command that is sent again because its reply was lost", () => {
  it("an enqueue stores nothing new, even when its jobs have completed since", async () => {
    const { client, run } = open()
    const enqueue = () => run(scripts.enqueue, "1000", "producer", 1, 1, ...job("a"))
    await enqueue()
    const claimed = claimedBy(await run(scripts.exchange, ...claim(1)))
    await run(scripts.exchange, ...complete(["a"], claimed.token))

    const repeated = await enqueue()
    const again = claimedBy(await run(scripts.exchange, ...claim(2)))
    const next = await run(scripts.enqueue, "1000", "producer", 2, 2, ...job("a"))
    const after = claimedBy(await run(scripts.exchange, ...claim(3)))
    client.disconnect()

    assert.deepStrictEqual([claimed.ids, repeated, again.ids, next, after.ids], [["a"], [], [], [], ["a"]])
  })

  it("an enqueue that is overtaken by a later one stores nothing new", async () => {
    const { client, run } = open()
    await run(scripts.enqueue, "1000", "producer", 1, 1, ...job("a"))
    await run(scripts.enqueue, "1000", "producer", 2, 2, ...job("b"))

    const repeated = await run(scripts.enqueue, "1000", "producer", 1, 1, ...job("a"))
    const other = await run(scripts.enqueue, "1000", "another", 1, 1, ...job("c"))
    const claimed = claimedBy(await run(scripts.exchange, ...claim(1)))
    client.disconnect()

    assert.deepStrictEqual([repeated, other], [[1, "same", ""], []])
    assert.deepStrictEqual(claimed.ids, ["a", "b", "c"])
  })
})

describe("an enqueue that brings its jobs to a worker", () => {
  const handedOver = "2,10,30000,worker"

  it("WAKE-7 brings them once, however often it arrives", async () => {
    const { client, run } = open()
    await run(scripts.exchange, ...claim(1))
    const enqueue = () => run(scripts.enqueue, "1000", "producer", 1, 1, ...job("a", handedOver))

    const brought = await enqueue()
    const repeated = await enqueue()
    const asked = claimedBy(await run(scripts.exchange, ...claim(2)))
    await run(scripts.exchange, ...complete(["a"], asked.token))
    const late = await enqueue()
    const next = claimedBy(await run(scripts.exchange, ...claim(3)))
    client.disconnect()

    assert.deepStrictEqual([brought, repeated, late], [`-1,${asked.token},1000`, [1, "same", ""], []])
    assert.deepStrictEqual([asked.ids, next.ids], [["a"], []])
  })

  it("WAKE-7 CLAIM-1 brings no more at once than any other claim", async () => {
    const { client, run } = open()
    await run(scripts.exchange, ...claim(1))
    const large = "x".repeat(3 * 2 ** 20)
    const line = ",5,3,0,kind,\n\n"

    const two = await run(scripts.enqueue, "1000", "producer", 1, 1, handedOver, 2, "a", "b", 2, line, large, large)
    const first = claimedBy(await run(scripts.exchange, ...claim(2)))
    const second = claimedBy(await run(scripts.exchange, ...claim(3)))
    const one = await run(
      ...([scripts.enqueue, "1000", "producer", 2, 2, "4,10,30000,worker", 1, "c", 1, line, large + large] as const)
    )
    client.disconnect()

    assert.deepStrictEqual([two, first.ids, second.ids], [[], ["a"], ["b"]])
    assert.match(String(one), /^\d+,\d+,1000$/)
  })

  it("WAKE-7 brings nothing to a worker that has left, or has asked again since", async () => {
    const { client, run } = open()
    await run(scripts.exchange, ...claim(2))

    const outdated = await run(scripts.enqueue, "1000", "producer", 1, 1, ...job("a", handedOver))
    const gone = await run(scripts.enqueue, "1000", "producer", 2, 2, ...job("b", "2,10,30000,gone"))
    const claimed = claimedBy(await run(scripts.exchange, ...claim(3)))
    client.disconnect()

    assert.deepStrictEqual([outdated, gone, claimed.ids], [[], [], ["a", "b"]])
  })
})

describe("a record of requests that is not of the scripts' making", () => {
  it("keeps nobody from enqueueing", async () => {
    const { client, keys, run } = open()
    await client.hset(keys.requests, "producer", "1:1,")

    const stored = await run(scripts.enqueue, "1000", "producer", 2, 2, ...job("a"))
    const repeated = await run(scripts.enqueue, "1000", "producer", 2, 2, ...job("a"))
    const claimed = claimedBy(await run(scripts.exchange, ...claim(1)))
    client.disconnect()

    assert.deepStrictEqual([stored, repeated, claimed.ids], [[], [1, "same", ""], ["a"]])
  })
})

describe("requests that arrive in another order than they were made", () => {
  it("one that a later one has overtaken is stored, once", async () => {
    const { client, run } = open()
    const first = () => run(scripts.enqueue, "1000", "producer", 1, 1, ...job("a"))
    await run(scripts.enqueue, "1000", "producer", 2, 1, ...job("b"))
    await first()
    await run(scripts.enqueue, "1000", "producer", 3, 1, ...job("c"))
    const claimed = claimedBy(await run(scripts.exchange, ...claim(1)))
    await run(scripts.exchange, ...complete(claimed.ids, claimed.token))

    await first()
    const again = claimedBy(await run(scripts.exchange, ...claim(2)))
    client.disconnect()

    assert.deepStrictEqual([claimed.ids, again.ids], [["b", "a", "c"], []])
  })

  it("one that was given up is not stored after a later one", async () => {
    const { client, run } = open()
    await run(scripts.enqueue, "1000", "producer", 2, 2, ...job("b"))

    await run(scripts.enqueue, "1000", "producer", 1, 1, ...job("a"))
    const claimed = claimedBy(await run(scripts.exchange, ...claim(1)))
    client.disconnect()

    assert.deepStrictEqual(claimed.ids, ["b"])
  })
})

describe("a server that lost its last second", () => {
  it("hands out no token a second time", async () => {
    const { client, keys, run } = open()
    await run(scripts.enqueue, "1000", "producer", 1, 1, ...job("a"))
    const lost = claimedBy(await run(scripts.exchange, ...claim(1)))
    // as if the claim had never been written
    await client.del(keys.claims, keys.runs, keys.active)
    await client.hdel(keys.meta, "token")
    await client.zadd(keys.pending, 5 * 2 ** 40 + 1, "a")

    const later = ["1001", ...claim(1).slice(1)]
    const again = claimedBy(await run(scripts.exchange, ...later))
    client.disconnect()

    assert.deepStrictEqual([lost.ids, again.ids], [["a"], ["a"]])
    assert.isAbove(again.token, lost.token)
  })
})
