import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { QueueControl } from "winterq"
import { audit } from "../faults/support/audit.ts"
import { killWithoutLag, loadFrom, promoted, pushing } from "../support/failover.ts"
import type { FreshRedis } from "../support/fresh-redis.ts"
import { agrees, beginMove, clusterAt, moveSlotOf, ownerOf, redisCluster } from "../support/redis-cluster.ts"
import { producerOn, timed, until, workerOn } from "../support/Station.ts"

/** All keys of the queue of `Say` are in its slot. */
const hot = "{winterq:say}:jobs"

/** Another queue of the node that holds the hot one. */
const neighbour = async (nodes: ReadonlyArray<FreshRedis>): Promise<string> => {
  const { owner } = await ownerOf(hot, nodes)
  for (let n = 0; ; n++) if ((await ownerOf(`{winterq:say-${n}}:jobs`, nodes)).owner === owner) return `say-${n}`
}

const sound = ({ port }: FreshRedis) =>
  Effect.promise(async () => {
    const { counters, problems } = await audit(port, "winterq", "say")
    assert.deepStrictEqual(problems, [])
    return counters
  })

const sorted = (numbers: Iterable<number>) => [...numbers].toSorted((a, b) => a - b)

describe.concurrent("a Redis Cluster that changes", () => {
  it.live("a hot slot that moves back and forth under load loses and repeats nothing", () =>
    Effect.gen(function* () {
      const nodes = yield* redisCluster({ nodeTimeoutMillis: 15_000 })
      const options = { ...clusterAt(nodes), timeout: "30 seconds" } as const
      const worker = yield* workerOn(options, { concurrency: 4, run: () => Effect.sleep("2 millis") })
      const producer = yield* producerOn(options)
      const { accepted, stop } = yield* loadFrom(producer)

      const owners = new Set<FreshRedis>()
      for (let moves = 0; moves < 8; moves++) {
        const before = worker.said.length
        owners.add(yield* Effect.promise(() => moveSlotOf(hot, nodes, 3)))
        yield* until("jobs run between two moves", () => worker.said.length > before + 10)
      }
      yield* stop
      yield* until("every job has run", () => worker.said.length >= accepted.size, 20_000)

      assert.strictEqual(owners.size, 3)
      assert.deepStrictEqual(sorted(worker.said), sorted(accepted.keys()))
      const counters = Effect.provideContext(
        QueueControl.use((control) => control.counters("say")),
        producer.ports
      )
      const { size } = accepted
      const after = yield* Effect.repeat(counters, { until: ({ completed }) => completed >= size })
      // a claim that met a slot on its way counts nothing
      assert.deepInclude(after, { enqueued: size, claimed: size, completed: size, rescued: 0, stale: 0 })
      const { owner } = yield* Effect.promise(() => ownerOf(hot, nodes))
      yield* sound(owner)
    }).pipe(Effect.scoped)
  )

  it.live("while a slot is half moved its calls end as unavailable, without effect", () =>
    Effect.gen(function* () {
      const nodes = yield* redisCluster({ nodeTimeoutMillis: 15_000 })
      const options = clusterAt(nodes)
      const producer = yield* producerOn({ ...options, timeout: "20 seconds" })
      const hasty = yield* producerOn({ ...options, timeout: "2900 millis" })
      yield* producer.say(1)
      const move = yield* Effect.promise(() => beginMove(hot, nodes))

      const [error, millis] = yield* timed(Effect.flip(hasty.say(2, { id: "two" })))
      yield* Effect.promise(() => move.carry())
      yield* Effect.promise(move.finish)
      // nothing that was given up comes later
      yield* Effect.sleep("300 millis")
      const stored = yield* producer.store.get("say", "two")
      yield* producer.say(3)

      assert.strictEqual(error._tag === "StoreError" ? error.reason : error._tag, "unavailable")
      assert.isBelow(millis, 6000)
      assert.strictEqual(stored._tag, "None")
      assert.strictEqual((yield* sound(move.to))["enqueued"], 2)
    }).pipe(Effect.scoped)
  )

  it.live("a master killed under load: its replica goes on, nothing accepted is lost", () =>
    Effect.gen(function* () {
      const nodes = yield* redisCluster({ replicas: true, nodeTimeoutMillis: 1500 })
      const options = { ...clusterAt(nodes), timeout: "30 seconds" } as const
      const worker = yield* workerOn(options, { concurrency: 4, run: () => Effect.sleep("2 millis") })
      const producer = yield* producerOn(options)
      const pushed = yield* pushing(clusterAt(nodes), yield* Effect.promise(() => neighbour(nodes)))
      yield* pushed(1)
      const { owner: master } = yield* Effect.promise(() => ownerOf(hot, nodes))
      const replica = nodes[3 + nodes.indexOf(master)]!
      const { accepted, stop } = yield* loadFrom(producer)
      yield* until("jobs run", () => worker.said.length > 50)

      yield* killWithoutLag(master, replica)
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
      yield* until("it is said once that others serve", () =>
        [worker, producer].every(({ lines }) => lines.filter((line) => line.includes("others serve")).length === 1)
      )

      // the one that was killed follows now, and nobody minds
      yield* Effect.promise(() => master.start())
      yield* Effect.promise(() => agrees(master, 6))
      const [again] = yield* pushed(4)
      assert.strictEqual(again, 8)
      assert.deepStrictEqual([worker.lines.length, producer.lines.length], [2, 2])
    }).pipe(Effect.scoped)
  )
})
