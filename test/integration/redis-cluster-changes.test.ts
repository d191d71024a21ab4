import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Client, QueueControl, Task, Worker } from "winterq"
import { audit } from "../faults/support/audit.ts"
import { killWithoutLag, promoted } from "../support/failover.ts"
import type { FreshRedis } from "../support/fresh-redis.ts"
import { agrees, clusterAt, moveSlotOf, ownerOf, redisCluster } from "../support/redis-cluster.ts"
import { portsOn, producerOn, timed, until, workerOn } from "../support/Station.ts"

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

/** All keys of the queue of `Say` are in its slot. */
const hot = "{winterq:say}:jobs"

const ownerOfHot = (nodes: ReadonlyArray<FreshRedis>, asked?: FreshRedis) =>
  Effect.promise(() => ownerOf(hot, nodes, asked))

const sound = ({ port }: FreshRedis) =>
  Effect.promise(async () => {
    const { counters, problems } = await audit(port, "winterq", "say")
    assert.deepStrictEqual(problems, [])
    return counters
  })

class Double extends Task.make("integration.double", { payload: { n: Schema.Finite }, success: Schema.Finite }) {}

/** Another queue of the node that holds the one of `Say`. */
const neighbour = (nodes: ReadonlyArray<FreshRedis>) =>
  Effect.promise(async () => {
    const { owner } = await ownerOf(hot, nodes)
    for (let n = 0; ; n++) if ((await ownerOf(`{winterq:say-${n}}:jobs`, nodes)).owner === owner) return `say-${n}`
  })

/** Both kinds of pushing work: a worker that sleeps for a minute is woken, and whoever waits for a result is told. */
const pushes = Effect.fnUntraced(function* (nodes: ReadonlyArray<FreshRedis>) {
  const queue = yield* neighbour(nodes)
  const options = clusterAt(nodes)
  const ports = yield* portsOn(options)
  yield* Layer.build(
    Worker.layer({ tasks: [Double], queues: [queue], poll: "1 minute", drain: 0 }).pipe(
      Layer.provide(Worker.handler(Double, ({ n }) => Effect.delay(Effect.succeed(2 * n), "100 millis"))),
      Layer.provide(Layer.succeedContext(ports))
    )
  )
  return (n: number) =>
    timed(Effect.flatMap(Client.enqueue(Double, { n }, { queue }), Client.awaitResult)).pipe(
      Effect.provideContext(ports)
    )
})

describe.concurrent("a Redis Cluster that changes", () => {
  it.live("a hot slot that moves back and forth under load loses and repeats nothing", () =>
    Effect.gen(function* () {
      const nodes = yield* redisCluster({ nodeTimeoutMillis: 15_000 })
      const options = { ...clusterAt(nodes), timeout: "30 seconds" } as const
      const worker = yield* workerOn(options, { concurrency: 4, run: () => Effect.sleep("2 millis") })
      const producer = yield* producerOn(options)
      let sent = 0
      let moving = true
      const load = yield* Effect.forkChild(
        Effect.forEach(
          numbers(4),
          () =>
            Effect.whileLoop({
              while: () => moving || sent < 400,
              body: () => producer.say(sent++, { id: `job-${sent}` }),
              step: () => undefined
            }),
          { concurrency: 4 }
        )
      )

      const owners = new Set<FreshRedis>()
      for (let moves = 0; moves < 8; moves++) {
        const before = worker.said.length
        owners.add(yield* Effect.promise(() => moveSlotOf(hot, nodes, 3)))
        yield* until("jobs run between two moves", () => worker.said.length > before + 10)
      }
      moving = false
      yield* Fiber.join(load)
      yield* until("every job has run", () => worker.said.length >= sent, 20_000)

      assert.strictEqual(owners.size, 3)
      assert.deepStrictEqual(
        worker.said.toSorted((a, b) => a - b),
        numbers(sent)
      )
      const control = Effect.provideContext(
        QueueControl.use(({ counters }) => counters("say")),
        producer.ports
      )
      yield* Effect.repeat(control, { until: ({ completed }) => completed >= sent })
      const { owner } = yield* ownerOfHot(nodes)
      // a claim that met a slot on its way counts nothing
      assert.deepInclude(yield* sound(owner), { enqueued: sent, claimed: sent, completed: sent })
      assert.deepInclude(yield* control, { rescued: 0, stale: 0 })
    }).pipe(Effect.scoped)
  )

  it.live("a master killed under load: its replica goes on, nothing accepted is lost", () =>
    Effect.gen(function* () {
      const nodes = yield* redisCluster({ replicas: true, nodeTimeoutMillis: 1500 })
      const options = { ...clusterAt(nodes), timeout: "30 seconds" } as const
      const worker = yield* workerOn(options, { concurrency: 4, run: () => Effect.sleep("2 millis") })
      const producer = yield* producerOn(options)
      const pushed = yield* pushes(nodes)
      yield* pushed(1)
      const { owner: master } = yield* ownerOfHot(nodes)
      const replica = nodes[3 + nodes.indexOf(master)]!
      let sent = 0
      let failing = true
      const load = yield* Effect.forkChild(
        Effect.forEach(
          numbers(4),
          () =>
            Effect.whileLoop({
              while: () => failing,
              body: () => producer.say(sent++, { id: `job-${sent}` }),
              step: () => undefined
            }),
          { concurrency: 4 }
        )
      )
      yield* until("jobs run", () => worker.said.length > 50)

      yield* killWithoutLag(master, replica)
      const before = worker.said.length
      yield* promoted(replica)
      const recovery = yield* until("jobs run again", () => worker.said.length > before + 20, 20_000)
      failing = false
      yield* Fiber.join(load)
      yield* until("every job has run", () => worker.said.length >= sent, 20_000)
      const [result, millis] = yield* pushed(21)

      assert.deepStrictEqual(
        worker.said.toSorted((a, b) => a - b),
        numbers(sent)
      )
      assert.isBelow(recovery, 5000)
      assert.strictEqual(result, 42)
      assert.isBelow(millis, 3000)
      yield* sound(replica)
      yield* until("it is said once that others serve", () =>
        [worker, producer].every(({ lines }) => lines.filter((line) => line.includes("others serve")).length === 1)
      )
      assert.deepStrictEqual([worker.lines.length, producer.lines.length], [2, 2])

      // the one that was killed follows now
      yield* Effect.promise(() => master.start())
      yield* Effect.promise(() => agrees(master, 6))
      const [again] = yield* pushed(4)
      assert.strictEqual(again, 8)
    }).pipe(Effect.scoped)
  )
})
