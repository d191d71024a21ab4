import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Client, Task, Worker } from "winterq"
import type * as Redis from "winterq/redis"
import type { FreshRedis } from "./fresh-redis.ts"
import { eventually } from "./redis-cluster.ts"
import { portsOn, type producerOn, timed } from "./Station.ts"

const replication = async (node: FreshRedis) => {
  const info = String(await node.ask("INFO", "replication"))
  return (name: string) => new RegExp(`^${name}:(.*?)\r?$`, "m").exec(info)?.[1]
}

/** Waits until a replica has everything that its master has answered by now. */
const catchUp = async (master: FreshRedis, replica: FreshRedis): Promise<void> => {
  const goal = Number((await replication(master))("master_repl_offset"))
  await eventually(`${replica.port} catches up`, async () => {
    const told = await replication(replica)
    return told("master_link_status") === "up" && Number(told("slave_repl_offset")) >= goal
  })
}

export const caughtUp = (master: FreshRedis, replica: FreshRedis) => Effect.promise(() => catchUp(master, replica))

/**
 * Stops the writes of a master under load, waits until its replica has all that was answered, and kills it: what was
 * accepted is on the replica, what waits for its answer is nowhere.
 */
export const killWithoutLag = (master: FreshRedis, replica: FreshRedis) =>
  Effect.promise(async () => {
    await master.ask("CLIENT", "PAUSE", 60_000, "WRITE")
    await catchUp(master, replica)
    await master.kill()
  })

/** Waits until a server has become a master. */
export const promoted = (replica: FreshRedis) =>
  Effect.promise(() =>
    eventually(`${replica.port} is promoted`, async () => (await replication(replica))("role") === "master")
  )

/** A load of `Say` jobs from several fibers at once, until it is stopped. */
export const loadFrom = Effect.fnUntraced(function* (producer: Effect.Success<ReturnType<typeof producerOn>>) {
  const accepted = new Map<number, number>()
  let next = 0
  let stopped = false
  const produce = Effect.whileLoop({
    while: () => !stopped,
    body: () =>
      Effect.suspend(() => {
        const n = next++
        return Effect.map(producer.say(n, { id: `job-${n}` }), () => accepted.set(n, performance.now()))
      }),
    step: () => undefined
  })
  const fiber = yield* Effect.forkChild(Effect.all([produce, produce, produce, produce], { concurrency: 4 }))
  return {
    /** When each number was accepted, as `performance.now()` tells. */
    accepted,
    /** Waits for the calls under way; fails when one has failed. */
    stop: Effect.suspend(() => {
      stopped = true
      return Fiber.join(fiber)
    })
  }
})

class Double extends Task.make("integration.double", { payload: { n: Schema.Finite }, success: Schema.Finite }) {}

/**
 * A worker that looks by itself once a minute, and a client that waits for results: what takes less was pushed. Answers
 * the double of a number, and the milliseconds that took.
 */
export const pushing = Effect.fnUntraced(function* (options: Redis.Options, queue: string) {
  const ports = yield* portsOn(options)
  yield* Layer.build(
    Worker.layer({ tasks: [Double], queues: [queue], poll: "1 minute", drain: 0 }).pipe(
      // long enough for the watcher to wait
      Layer.provide(Worker.handler(Double, ({ n }) => Effect.delay(Effect.succeed(2 * n), "100 millis"))),
      Layer.provide(Layer.succeedContext(ports))
    )
  )
  return (n: number) =>
    timed(Effect.flatMap(Client.enqueue(Double, { n }, { queue }), Client.awaitResult)).pipe(
      Effect.provideContext(ports)
    )
})
