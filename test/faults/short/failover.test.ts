import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { caughtUp, loadFrom } from "../../support/failover.ts"
import { freshRedis } from "../../support/fresh-redis.ts"
import { eventually } from "../../support/redis-cluster.ts"
import { respProxy } from "../../support/RespProxy.ts"
import { producerOn, until, workerOn } from "../../support/Station.ts"
import { tcpProxy } from "../../support/TcpProxy.ts"
import { audit } from "../support/audit.ts"

/** A master, a replica that follows it over a link that can go silent, and a name that leads to the master. */
const pair = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const master = yield* freshRedis({ args: ["--repl-diskless-sync-delay", "0", ...args] })
  const link = yield* tcpProxy(master.port)
  const replica = yield* freshRedis({ args: ["--replicaof", "127.0.0.1", new URL(link.url).port] })
  const name = yield* respProxy(master.port)
  yield* Effect.promise(() =>
    eventually("the replica follows", async () =>
      String(await replica.ask("INFO", "replication")).includes("master_link_status:up")
    )
  )
  return {
    master,
    replica,
    link,
    url: name.url,
    /** The master dies, the replica takes its place, and the name leads there. */
    failOver: Effect.promise(async () => {
      await master.kill()
      await replica.ask("REPLICAOF", "NO", "ONE")
      name.target = replica.port
    }),
    sound: Effect.promise(async () => {
      const { counters, problems } = await audit(replica.port, "winterq", "say")
      assert.deepStrictEqual(problems, [])
      return counters
    })
  }
})

describe("a master that its replica does not keep up with", () => {
  it.live("F52 killed under load: what was not replicated is lost, everything else runs", () =>
    Effect.gen(function* () {
      const { failOver, link, master, replica, sound, url } = yield* pair()
      const worker = yield* workerOn({ url, timeout: "20 seconds" }, { concurrency: 4, lease: "2 seconds" })
      const producer = yield* producerOn({ url, timeout: "20 seconds" })
      const { accepted, stop } = yield* loadFrom(producer)
      yield* until("jobs run", () => worker.said.length > 100)
      const before = [...accepted.keys()]
      yield* caughtUp(master, replica)

      link.freeze()
      const said = worker.said.length
      yield* until("jobs run that the replica has not heard of", () => worker.said.length > said + 50)
      yield* failOver
      const resumed = performance.now()
      yield* until("jobs are accepted again", () => [...accepted.values()].some((at) => at > resumed))
      yield* stop
      const kept = [...accepted].filter(([, at]) => at > resumed).map(([n]) => n)
      yield* until(
        "what the replica had, and what came later, has run",
        () => {
          const ran = new Set(worker.said)
          return [...before, ...kept].every((n) => ran.has(n))
        },
        20_000
      )

      const { enqueued } = yield* sound
      assert.isAtLeast(enqueued!, before.length + kept.length)
      // the silence did cost something
      assert.isBelow(enqueued!, accepted.size)
    }).pipe(Effect.scoped)
  )

  it.live("F54 with min-replicas-to-write it accepts nothing any more within seconds", () =>
    Effect.gen(function* () {
      const { link, url } = yield* pair("--min-replicas-to-write", "1", "--min-replicas-max-lag", "2")
      // a replica counts from its first acknowledgement on, which it sends every second
      const patience = { schedule: Schedule.spaced("50 millis"), times: 200 }
      const producer = yield* Effect.retry(producerOn({ url }), patience)
      yield* Effect.retry(producer.say(1), patience)

      link.freeze()
      const since = performance.now()
      const error = yield* producer.say(2).pipe(Effect.repeat({ until: () => false }), Effect.flip)

      assert.strictEqual(error._tag, "StoreError")
      assert.strictEqual(error._tag === "StoreError" ? error.reason : undefined, "read-only")
      assert.isBelow(performance.now() - since, 8000)
    }).pipe(Effect.scoped)
  )
})
