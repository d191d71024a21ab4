import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { audit } from "../faults/support/audit.ts"
import { killWithoutLag, loadFrom, promoted, pushing } from "../support/failover.ts"
import { freshRedis, type FreshRedis } from "../support/fresh-redis.ts"
import { eventually, follows } from "../support/redis-cluster.ts"
import { producerOn, until, workerOn } from "../support/Station.ts"

/** Waits until a Sentinel knows the replica and both other Sentinels. */
const watches = (sentinel: FreshRedis): Promise<void> =>
  eventually("the Sentinels know each other", async () => {
    const said = (await sentinel.ask("SENTINEL", "MASTER", "main")) as ReadonlyArray<string>
    const value = (name: string) => said[said.indexOf(name) + 1]
    return value("num-slaves") === "1" && value("num-other-sentinels") === "2"
  })

/** A master, its replica, and three Sentinels of which two have to agree. */
const watched = Effect.gen(function* () {
  const master = yield* freshRedis({ args: ["--repl-diskless-sync-delay", "0"] })
  const replica = yield* freshRedis({ args: ["--replicaof", "127.0.0.1", String(master.port)] })
  yield* Effect.promise(() => follows(replica, master))
  const config = [
    `sentinel monitor main 127.0.0.1 ${master.port} 2`,
    "sentinel down-after-milliseconds main 1500",
    "sentinel failover-timeout main 3000"
  ]
  const sentinels = yield* Effect.forEach([1, 2, 3], () => freshRedis({ config, args: ["--sentinel"] }))
  yield* Effect.forEach(sentinels, (sentinel) => Effect.promise(() => watches(sentinel)))
  const options = { redis: { sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })), name: "main" } }
  return { master, replica, sentinels, options, patient: { ...options, timeout: "30 seconds" } as const }
})

const sound = ({ port }: FreshRedis) =>
  Effect.promise(async () => {
    assert.deepStrictEqual((await audit(port, "winterq", "say")).problems, [])
  })

const sorted = (numbers: Iterable<number>) => [...numbers].toSorted((a, b) => a - b)

describe.concurrent("a master that three Sentinels watch", () => {
  it.live("killed under load: its replica goes on, nothing accepted is lost", () =>
    Effect.gen(function* () {
      const { master, options, patient, replica, sentinels } = yield* watched
      const worker = yield* workerOn(patient, { concurrency: 4, run: () => Effect.sleep("2 millis") })
      const producer = yield* producerOn(patient)
      const pushed = yield* pushing(options, "double")
      yield* pushed(1)
      const { accepted, stop } = yield* loadFrom(producer)
      yield* until("jobs run", () => worker.said.length > 50)

      yield* killWithoutLag(master, replica)
      // one of those who know the way
      yield* Effect.promise(() => sentinels[0]!.kill())
      const before = worker.said.length
      yield* promoted(replica)
      const recovery = yield* until("jobs run again", () => worker.said.length > before + 20, 20_000)
      yield* stop
      yield* until("every job has run", () => worker.said.length >= accepted.size, 20_000)
      const [result, millis] = yield* pushed(21)

      assert.deepStrictEqual(sorted(worker.said), sorted(accepted.keys()))
      assert.isBelow(recovery, 5000)
      assert.strictEqual(result, 42)
      // without a push it takes 10 seconds or a minute
      assert.isBelow(millis, 8000)
      yield* sound(replica)
    }).pipe(Effect.scoped)
  )

  it.live("killed at any moment: what was accepted a second before is not lost", () =>
    Effect.gen(function* () {
      const { master, patient, replica } = yield* watched
      const options = { concurrency: 4, lease: "2 seconds", sweep: "500 millis" } as const
      const worker = yield* workerOn(patient, { ...options, run: () => Effect.sleep("2 millis") })
      const { accepted, stop } = yield* loadFrom(yield* producerOn(patient))
      yield* until("jobs run", () => worker.said.length > 50)
      const replicated = performance.now()
      yield* Effect.sleep("1 second")

      yield* Effect.promise(() => master.kill())
      yield* promoted(replica)
      const resumed = performance.now()
      yield* until("jobs are accepted again", () => [...accepted.values()].some((at) => at > resumed), 20_000)
      yield* stop
      const kept = [...accepted].filter(([, at]) => at < replicated || at > resumed).map(([n]) => n)
      yield* until(
        "what was not under way has run",
        () => {
          const ran = new Set(worker.said)
          return kept.every((n) => ran.has(n))
        },
        20_000
      )

      yield* sound(replica)
    }).pipe(Effect.scoped)
  )
})
