import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Redis } from "ioredis"
import { type Created, type NewNode, WorkflowStore } from "winterq"
import { workflowKeysOf } from "../../src/backends/redis/keys.ts"
import { freshRedis } from "../support/fresh-redis.ts"
import { producerOn } from "../support/Station.ts"

const parents = 50

const nodeOf = (payload: string, links: Pick<NewNode, "children" | "parents">): NewNode => ({
  job: { queue: "say", job: { kind: "k", payload, priority: 5, maxAttempts: 1, retainMillis: 0 } },
  ...links
})

const nodes: ReadonlyArray<NewNode> = [
  ...Array.from({ length: parents }, () => nodeOf('"large"', { parents: [], children: [parents] })),
  nodeOf('"last"', { parents: Array.from({ length: parents }, (_, i) => i), children: [] })
]

/** What the server is asked while something goes on, commands of scripts included. */
const commandsOf = <A, E, R>(url: string, during: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const client = yield* Effect.acquireRelease(
      Effect.sync(() => new Redis(url)),
      (redis) => Effect.sync(() => redis.disconnect())
    )
    const monitor = yield* Effect.acquireRelease(
      Effect.promise(() => client.monitor()),
      (redis) => Effect.sync(() => redis.disconnect())
    )
    const seen: Array<ReadonlyArray<string>> = []
    const isOver = new Promise<void>((resolve) =>
      monitor.on("monitor", (_: string, args: ReadonlyArray<string>) => {
        seen.push(args)
        if (args[1] === "over") resolve()
      })
    )
    const value = yield* during
    yield* Effect.promise(() => client.echo("over"))
    yield* Effect.promise(() => isOver)
    return { seen, value }
  })

describe("a node whose many parents end at once", () => {
  it.live("is found through few of their records at a time, which may be large", () =>
    Effect.gen(function* () {
      const { url } = yield* freshRedis()
      const { ports } = yield* producerOn({ url })
      const store = Context.get(ports, WorkflowStore)
      const { createdAt } = (yield* store.create({
        ...{ id: "w", name: "w", policy: "stop", nodes, fingerprint: "f" },
        ...{ retainMillis: 1000, retainFailedMillis: 1000 }
      })) as Created
      const endings = Array.from({ length: parents }, (_, node) => ({
        member: { workflow: "w", node, generation: createdAt },
        ended: { _tag: "Completed" } as const,
        sequence: 1
      }))

      const { seen, value } = yield* commandsOf(url, store.advance({ id: "w", endings, limit: 10 }))

      const read = seen.flatMap(([name, key, ...fields]) =>
        name?.toUpperCase() === "HMGET" && key === workflowKeysOf("winterq", "w").nodes ? [fields.length] : []
      )
      assert.deepStrictEqual(
        Option.getOrThrow(value).starts.map(({ member }) => member.node),
        [parents]
      )
      assert.deepStrictEqual(read.toSorted((a, b) => b - a).slice(0, 3), [20, 20, 10])
    }).pipe(Effect.scoped)
  )
})
