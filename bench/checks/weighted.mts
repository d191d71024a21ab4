// Three queues with 10,000 jobs each, weights 6, 3 and 1: the shares of the first 10,000 jobs that start.
//
//   node -C winterq-source bench/checks/weighted.mts
import { Deferred, Effect, Layer, Schema } from "effect"
import { Client, Queues, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"
import * as Redis from "winterq/redis"
import { startRedis } from "../../test/support/redis-server.ts"

class Step extends Task.make("check.step", { payload: { queue: Schema.String } }) {}

const weights = { critical: 6, mail: 3, low: 1 } as const
const jobs = 10_000

const shares = Effect.gen(function* () {
  for (const queue of Object.keys(weights)) {
    for (let first = 0; first < jobs; first += 1000) {
      yield* Client.enqueueMany(
        Step,
        Array.from({ length: 1000 }, () => ({ queue })),
        { queue }
      )
    }
  }
  const done = yield* Deferred.make<void>()
  const counts: Record<string, number> = { critical: 0, mail: 0, low: 0 }
  let started = 0
  const StepLive = Worker.handler(Step, ({ queue }) =>
    Effect.suspend(() => {
      if (started < jobs) counts[queue] = (counts[queue] ?? 0) + 1
      return ++started === jobs ? Deferred.succeed(done, undefined) : Effect.void
    })
  )
  yield* Deferred.await(done).pipe(
    Effect.provide(
      Worker.layer({ tasks: [Step], queues: Queues.weighted(weights), concurrency: 20 }).pipe(Layer.provide(StepLive))
    )
  )
  return counts
})

delete process.env["WINTERQ_TEST_REDIS_URL"]
const redis = await startRedis()
for (const [name, backend] of [
  ["memory", Memory.layer],
  ["redis", Redis.layer({ url: redis.url })]
] as const) {
  const counts = await Effect.runPromise(
    shares.pipe(Effect.provide(Client.layer.pipe(Layer.provideMerge(backend)))) as Effect.Effect<Record<string, number>>
  )
  const off = Object.entries(weights).map(([queue, weight]) => (counts[queue] ?? 0) / ((jobs * weight) / 10) - 1)
  const worst = Math.max(...off.map(Math.abs))
  console.log(`${name}: ${JSON.stringify(counts)}, at most ${(100 * worst).toFixed(2)} % off its share`)
}
await redis.stop()
