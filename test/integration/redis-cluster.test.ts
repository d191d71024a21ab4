import { randomUUID } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import {
  Client,
  DeadLetterStore,
  JobStore,
  QueueControl,
  Schedules,
  ScheduleStore,
  Task,
  Wakeups,
  Worker
} from "winterq"
import type { FreshRedis } from "../support/fresh-redis.ts"
import { agrees, clusterAt, moveSlotOf, redisCluster, startCluster } from "../support/redis-cluster.ts"
import { portsOn, producerOn, timed, until, workerOn } from "../support/Station.ts"
import { complete, bury, job } from "../../src/testing/contract/support.ts"

const queues = ["one", "two", "three", "four", "five", "six"]

/** A cluster of a test's own, which it may break. */
const breakable = Effect.map(redisCluster(), (nodes) => ({ nodes, options: clusterAt(nodes) }))

let shared: ReadonlyArray<FreshRedis> = []
beforeAll(async () => {
  shared = await startCluster()
})
afterAll(() => Promise.all(shared.map((node) => node.stop())))

/** The cluster of all tests that only use it. */
const cluster = Effect.sync(() => ({
  nodes: shared,
  options: { ...clusterAt(shared), prefix: `p${randomUUID().slice(0, 8)}` }
}))

/** Every operation on schedules in one queue; answers what became of a tick, and how many schedules were there. */
const tickOnce = Effect.fnUntraced(function* (queue: string) {
  const store = yield* ScheduleStore
  const elsewhere = queues[(queues.indexOf(queue) + 1) % queues.length]!
  const name = `every-second.${queue}`
  const entry = (where: string) => Schedules.entry(name, Beat, { every: "1 second", queue: where })
  yield* Schedules.upsert(entry(elsewhere))
  yield* Schedules.upsert(entry(queue))
  yield* Schedules.trigger(name)
  yield* Schedules.pause(name)
  yield* Schedules.resume(name)
  const { due } = yield* store.due(queue, 10).pipe(
    Effect.tap(() => Effect.sleep("5 millis")),
    Effect.repeat({ until: (reply) => reply.due.length > 0 })
  )
  const { next: expected, version } = due[0]!
  const fire = { tick: expected!, job: job(`tick-${queue}`) }
  const outcome = yield* store.tick({ queue, name, version, expected: expected!, skipped: 0, overlap: "allow", fire })
  const listed = yield* Schedules.list()
  yield* Schedules.remove(name)
  return [outcome, listed.length]
})

class Beat extends Task.make("integration.beat", { payload: {} }) {}

class Double extends Task.make("integration.double", { payload: { n: Schema.Finite }, success: Schema.Finite }) {}

describe.concurrent("a Redis Cluster of three masters", () => {
  it.live("every operation on several queues stays within a slot", () =>
    Effect.gen(function* () {
      const { nodes, options } = yield* cluster
      const ports = yield* portsOn(options)

      yield* Effect.gen(function* () {
        const store = yield* JobStore
        const control = yield* QueueControl
        const dead = yield* DeadLetterStore
        const claim = (queue: string, number: number, settlements: ReadonlyArray<ReturnType<typeof complete>> = []) =>
          store.exchange({ queue, worker: "w", settlements, claim: { number, limit: 1, leaseMillis: 30_000 } })
        for (const queue of queues) {
          yield* store.enqueue(queue, [job("a"), job("b"), job("c", { uniqueKey: "k", visible: { inMillis: 60_000 } })])
          const {
            claimed: [a]
          } = yield* claim(queue, 1)
          const {
            claimed: [b]
          } = yield* claim(queue, 2, [bury(a!)])
          yield* store.extendLeases({
            queue,
            worker: "w",
            leases: [{ jobId: b!.id, token: b!.token }],
            leaseMillis: 1000
          })
          const redriven = yield* dead.redrive(queue, { oldest: 10 })
          const {
            claimed: [again],
            settled
          } = yield* claim(queue, 3, [complete(b!)])
          yield* store.rescue(queue, 10)
          yield* store.promote(queue, 10)
          yield* store.prune(queue, { limit: 10, deadRetainMillis: 0, maxDead: 0, maxFinished: 0 })
          yield* control.pause(queue)
          yield* control.resume(queue)
          yield* control.counters(queue)
          const { jobs: listed } = yield* control.list({ queue, state: "active", limit: 10 })

          assert.deepStrictEqual(redriven, [{ jobId: "a", outcome: "redriven" }])
          assert.deepStrictEqual(settled, ["settled"])
          assert.deepStrictEqual([again!.id, listed.map(({ id }) => id)], ["a", ["a"]])
        }
        assert.deepStrictEqual(yield* control.queues, queues.toSorted())
        const ticked = yield* Effect.forEach(queues, tickOnce)
        assert.deepStrictEqual(
          ticked,
          queues.map(() => ["fired", 1])
        )
        assert.lengthOf(yield* Schedules.list(), 0)
      }).pipe(Effect.provideContext(ports))

      const sizes = yield* Effect.forEach(nodes, (node) => Effect.promise(() => node.ask("DBSIZE")))
      assert.isTrue(
        sizes.every((size) => Number(size) > 0),
        `every node holds a queue: ${sizes.join(", ")}`
      )
    }).pipe(Effect.scoped)
  )

  it.live("a wait on several queues is woken by each", () =>
    Effect.gen(function* () {
      const { options } = yield* cluster
      const ports = yield* portsOn(options)

      const woken = yield* Effect.gen(function* () {
        const store = yield* JobStore
        const wakeups = yield* Wakeups
        const wakeup = yield* wakeups.subscribe(queues)
        return yield* Effect.forEach(queues, (queue) =>
          Effect.gen(function* () {
            const waiting = yield* Effect.forkChild(wakeup.wait(60_000), { startImmediately: true })
            yield* store.enqueue(queue, [job(queue)])
            yield* Fiber.join(waiting).pipe(Effect.timeout("4 seconds"))
            return queue
          })
        )
      }).pipe(Effect.provideContext(ports))

      assert.deepStrictEqual(woken, queues)
    }).pipe(Effect.scoped)
  )

  it.live("a worker of several queues runs jobs with one blocking connection per queue", () =>
    Effect.gen(function* () {
      const { nodes, options } = yield* cluster
      const named = { ...options, redis: { connectionName: "counted" } }
      const worker = yield* workerOn(named, { queues, poll: "500 millis" })
      const producer = yield* producerOn(options)

      yield* Effect.forEach(queues, (queue, n) => producer.say(n, { queue }), { concurrency: 3 })
      yield* until("all have run", () => worker.said.length === queues.length)
      yield* Effect.forEach(queues, (queue, n) => producer.say(10 + n, { queue }))
      yield* until("all have run again", () => worker.said.length === 2 * queues.length)

      const names: Array<string> = []
      for (const node of nodes) {
        const list = String(yield* Effect.promise(() => node.ask("CLIENT", "LIST")))
        names.push(...[...list.matchAll(/ name=(\S*)/g)].map(([, name]) => name!))
      }
      const count = (name: string) => names.filter((other) => other === name).length
      assert.deepStrictEqual([count("counted-wakeups"), count("counted")], [queues.length, nodes.length])
      assert.deepStrictEqual(worker.lines, [])
    }).pipe(Effect.scoped)
  )

  it.live("a result is pushed to whoever waits, whichever node it comes from", () =>
    Effect.gen(function* () {
      const { options } = yield* cluster
      const ports = yield* portsOn(options)
      yield* Layer.build(
        Worker.layer({ tasks: [Double], queues }).pipe(
          Layer.provide(Worker.handler(Double, ({ n }) => Effect.delay(Effect.succeed(2 * n), "100 millis"))),
          Layer.provide(Layer.succeedContext(ports))
        )
      )

      const [results, millis] = yield* timed(
        Effect.forEach(queues, (queue, n) =>
          Effect.flatMap(Client.enqueue(Double, { n }, { queue }), Client.awaitResult)
        ).pipe(Effect.provideContext(ports))
      )

      assert.deepStrictEqual(results, [0, 2, 4, 6, 8, 10])
      // without the push each would take until the next look, after 10 seconds
      assert.isBelow(millis, 9000)
    }).pipe(Effect.scoped)
  )

  it.live("a queue whose slot moves is served by its new node", () =>
    Effect.gen(function* () {
      const { nodes, options } = yield* breakable
      const worker = yield* workerOn(options, { queues: ["one", "two"], poll: "1 minute" })
      const producer = yield* producerOn(options)
      yield* producer.say(1, { queue: "one" })
      yield* until("the first job has run", () => worker.said.length === 1)

      yield* Effect.promise(() => moveSlotOf("{winterq:one}:wake", nodes))
      yield* producer.say(2, { queue: "one" })
      yield* until("the second job has run", () => worker.said.length === 2, 2000)
      // the blocking connection has moved too
      yield* Effect.sleep("500 millis")
      yield* producer.say(3, { queue: "one" })
      const millis = yield* until("the third job has run", () => worker.said.length === 3, 2000)

      assert.isBelow(millis, 200)
    }).pipe(Effect.scoped)
  )

  it.live("a node that is killed and restarted is used again within 2 seconds", () =>
    Effect.gen(function* () {
      const { nodes, options } = yield* breakable
      const worker = yield* workerOn(options, { queues, poll: "500 millis" })
      const producer = yield* producerOn({ ...options, timeout: "10 seconds" })
      yield* Effect.forEach(queues, (queue, n) => producer.say(n, { queue }))
      yield* until("all have run", () => worker.said.length === queues.length)
      yield* Effect.promise(() => nodes[1]!.kill())
      yield* until("it is said", () =>
        [worker, producer].every(({ lines }) => lines.some((line) => line.includes("connection lost")))
      )

      yield* Effect.promise(() => nodes[1]!.start())
      // a master takes no writes in its first 2 seconds
      yield* Effect.promise(() => agrees(nodes[1]!))
      const start = performance.now()
      yield* Effect.forEach(queues, (queue, n) => producer.say(10 + n, { queue }), { concurrency: 6 })
      yield* until("all have run again", () => worker.said.length === 2 * queues.length)

      assert.isBelow(performance.now() - start, 2000)
      yield* until("the return is said", () =>
        [worker, producer].every(({ lines }) => lines.some((line) => line.includes("is back")))
      )
    }).pipe(Effect.scoped)
  )
})
