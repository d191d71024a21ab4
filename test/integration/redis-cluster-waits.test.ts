import { randomUUID } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { Notices } from "winterq"
import type { FreshRedis } from "../support/fresh-redis.ts"
import { clusterAt, startCluster, stopAll } from "../support/redis-cluster.ts"
import { portsOn, timed } from "../support/Station.ts"
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

describe.concurrent("waiting at a Redis Cluster", () => {
  it.live("a subscription that goes silent is replaced after 10 seconds and the timeout", () =>
    Effect.gen(function* () {
      const { freeze, options } = yield* throughProxies
      const listening = Context.get(yield* portsOn({ ...options, timeout: "1 second" }), Notices)
      const speaking = Context.get(yield* portsOn({ ...clusterAt(nodes), prefix: options.prefix }), Notices)
      const mailbox = yield* listening.open("me")
      const heard = Effect.repeat(
        Effect.andThen(
          speaking.quiet("me"),
          Effect.race(Effect.as(Queue.take(mailbox), true), Effect.delay(Effect.succeed(false), "100 millis"))
        ),
        { until: (isHeard) => isHeard }
      )
      yield* heard

      assert.strictEqual(
        freeze((said) => /subscribe/i.test(said)),
        1
      )
      const [, millis] = yield* timed(heard.pipe(Effect.timeout("30 seconds")))

      // it has been silent in between
      assert.isAbove(millis, 1000)
      assert.isBelow(millis, 15_000)
    }).pipe(Effect.scoped)
  )
})
