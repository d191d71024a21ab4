import { randomUUID } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { Notices } from "winterq"
import type * as Redis from "winterq/redis"
import type { FreshRedis } from "../support/fresh-redis.ts"
import { clusterAt, eventually, ownerOf, redisCluster, startCluster, stopAll } from "../support/redis-cluster.ts"
import { portsOn, producerOn, timed, until, workerOn } from "../support/Station.ts"
import { tcpProxy } from "../support/TcpProxy.ts"

let nodes: ReadonlyArray<FreshRedis> = []
beforeAll(async () => {
  nodes = await startCluster({ nodeTimeoutMillis: 15_000 })
})
afterAll(() => stopAll(nodes))

/** A proxy before each node, and a cluster client that knows no other way. */
const throughProxies = Effect.gen(function* () {
  const proxies = yield* Effect.forEach(nodes, ({ port }) => tcpProxy(port))
  const natMap = Object.fromEntries(
    nodes.map(({ port }, i) => [
      `127.0.0.1:${port}`,
      { host: "127.0.0.1", port: Number(new URL(proxies[i]!.url).port) }
    ])
  )
  const { cluster } = clusterAt(nodes)
  return {
    options: { cluster: { ...cluster, options: { natMap } }, prefix: `p${randomUUID().slice(0, 8)}` },
    /** Answers how many connections have gone silent. */
    freeze: (matches: (said: string) => boolean) => proxies.reduce((sum, { freeze }) => sum + freeze(matches), 0)
  }
})

/** Says something to a name until it is heard there; answers how many milliseconds that took. */
const hearing = Effect.fnUntraced(function* (listener: Redis.Options, speaker: Redis.Options) {
  const listening = Context.get(yield* portsOn(listener), Notices)
  const speaking = Context.get(yield* portsOn(speaker), Notices)
  const mailbox = yield* listening.open("me")
  const once = Effect.race(Effect.as(Queue.take(mailbox), true), Effect.delay(Effect.succeed(false), "100 millis"))
  return Effect.map(
    timed(
      Effect.andThen(speaking.quiet("me"), once).pipe(
        Effect.repeat({ until: (isHeard) => isHeard }),
        Effect.timeout("30 seconds")
      )
    ),
    ([, millis]) => millis
  )
})

/** Until the only job of a queue is done, its wake-up was taken, and its worker waits for another. */
const waitsAt = (tag: string) =>
  Effect.promise(async () => {
    const { owner } = await ownerOf(`${tag}:wake`, nodes)
    await eventually(
      "it waits",
      async () =>
        (await owner.ask("HGET", `${tag}:meta`, "completed")) === "1" &&
        (await owner.ask("EXISTS", `${tag}:wake`)) === 0 &&
        /blocked_clients:1\r/.test(String(await owner.ask("INFO", "clients")))
    )
  })

/** The node that subscriptions are at. */
const subscribed = (all: ReadonlyArray<FreshRedis>) =>
  Effect.promise(async () => {
    for (const node of all)
      if (String(await node.ask("CLIENT", "LIST", "TYPE", "pubsub")).includes("-notices")) return node
    throw new Error("nobody has subscribed")
  })

describe.concurrent("waiting at a Redis Cluster", () => {
  it.live("a subscription that goes silent is replaced after 10 seconds and the timeout", () =>
    Effect.gen(function* () {
      const { freeze, options } = yield* throughProxies
      const heard = yield* hearing(
        { ...options, timeout: "3 seconds" },
        { ...clusterAt(nodes), prefix: options.prefix }
      )
      yield* heard

      const frozen = freeze((said) => /subscribe/i.test(said))
      const millis = yield* heard

      assert.strictEqual(frozen, 1)
      // it has been silent in between
      assert.isAbove(millis, 1000)
      assert.isBelow(millis, 20_000)
    }).pipe(Effect.scoped)
  )

  it.live("a subscription outlives its node", () =>
    Effect.gen(function* () {
      const own = yield* redisCluster({ replicas: true, nodeTimeoutMillis: 1500 })
      const heard = yield* hearing(clusterAt(own), { ...clusterAt(own), timeout: "20 seconds" })
      yield* heard
      const node = yield* subscribed(own)

      yield* Effect.promise(() => node.kill())

      assert.isBelow(yield* heard, 10_000)
      assert.notStrictEqual(yield* subscribed(own.filter((other) => other !== node)), node)
    }).pipe(Effect.scoped)
  )

  it.live("a blocking connection that goes silent is replaced after 5 seconds and the timeout", () =>
    Effect.gen(function* () {
      const { freeze, options } = yield* throughProxies
      const worker = yield* workerOn({ ...options, timeout: "3 seconds" }, { poll: "1 minute" })
      const producer = yield* producerOn({ ...clusterAt(nodes), prefix: options.prefix })
      yield* producer.say(1)
      yield* until("the first job has run", () => worker.said.length === 1)
      yield* waitsAt(`{${options.prefix}:say}`)
      assert.strictEqual(
        freeze((said) => /bzpopmin/i.test(said)),
        1
      )

      yield* producer.say(2)
      const millis = yield* until("the second job has run", () => worker.said.length === 2, 20_000)

      // its wake-up went to the silent connection
      assert.isAbove(millis, 1000)
    }).pipe(Effect.scoped)
  )

  it.live("command connections that go silent are replaced after the timeout", () =>
    Effect.gen(function* () {
      const { freeze, options } = yield* throughProxies
      const producer = yield* producerOn({ ...options, timeout: "3 seconds" })
      yield* producer.say(1)

      const frozen = freeze(() => true)
      const error = yield* Effect.flip(producer.say(2))
      const [, millis] = yield* timed(producer.say(3).pipe(Effect.retry({ times: 10 })))

      assert.isAbove(frozen, 0)
      assert.strictEqual(error._tag === "StoreError" ? error.reason : error._tag, "unavailable")
      assert.isBelow(millis, 15_000)
    }).pipe(Effect.scoped)
  )
})
