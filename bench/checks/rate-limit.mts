// Three worker processes share a limit of 50 starts a second while 20,000 jobs wait.
//
//   node -C winterq-source bench/checks/rate-limit.mts
//
// Prints how many jobs started in 10 s, per worker and in all, and what that cost Redis.
import { fork } from "node:child_process"
import { once } from "node:events"
import { setTimeout } from "node:timers/promises"
import { Effect, Layer, Schema } from "effect"
import { Client, Task, Worker } from "winterq"
import * as Redis from "winterq/redis"
import { Redis as IORedis } from "ioredis"
import { startRedis } from "../../test/support/redis-server.ts"

class Call extends Task.make("check.call", {
  payload: { n: Schema.Int },
  queue: "limited",
  rateLimit: { limit: 50, per: "1 second", burst: 5 }
}) {}

const jobs = 20_000
const seconds = 10

const work = (url: string) => {
  let started = 0
  process.on("message", () => process.send?.(started))
  const CallLive = Worker.handler(Call, () =>
    Effect.sync(() => {
      started++
    })
  )
  Effect.runFork(
    Layer.launch(
      Worker.layer({ tasks: [Call], concurrency: 20 }).pipe(
        Layer.provide(CallLive),
        Layer.provide(Redis.layer({ url }))
      )
    )
  )
}

const measure = async () => {
  delete process.env["WINTERQ_TEST_REDIS_URL"]
  const redis = await startRedis()
  const client = Client.layer.pipe(Layer.provide(Redis.layer({ url: redis.url })))
  await Effect.runPromise(
    Effect.gen(function* () {
      for (let first = 0; first < jobs; first += 1000) {
        yield* Client.enqueueMany(
          Call,
          Array.from({ length: 1000 }, (_, i) => ({ n: first + i }))
        )
      }
    }).pipe(Effect.provide(client))
  )
  const workers = [1, 2, 3].map(() => fork(import.meta.filename, [redis.url], { execArgv: ["-C", "winterq-source"] }))
  const counts = () =>
    Promise.all(
      workers.map(async (worker) => {
        worker.send("count")
        const [count] = (await once(worker, "message")) as [number]
        return count
      })
    )
  const probe = new IORedis(redis.url)
  const calls = async () => {
    const stats = await probe.info("commandstats")
    const all = Array.from(stats.matchAll(/cmdstat_([\w|]+):calls=(\d+)/g), ([, name, n]) => [name, Number(n)] as const)
    const sent = all.filter(([name]) => /^(evalsha|eval|bzpopmin|hget|sadd|zadd|ping|publish|subscribe)$/.test(name))
    return {
      sent: sent.find(([name]) => name === "evalsha")![1] + (sent.find(([name]) => name === "bzpopmin")?.[1] ?? 0),
      all: all.reduce((sum, [, n]) => sum + n, 0)
    }
  }
  // the bucket starts full, and the workers start one after the other
  await setTimeout(3000)
  const [from, callsFrom, startedAt] = [await counts(), await calls(), performance.now()]
  await setTimeout(seconds * 1000)
  const [to, callsTo, endedAt] = [await counts(), await calls(), performance.now()]
  const elapsed = (endedAt - startedAt) / 1000
  const perWorker = to.map((count, i) => count - (from[i] ?? 0))
  const total = perWorker.reduce((sum, count) => sum + count, 0)
  const expected = 50 * elapsed
  console.log(
    `started ${total} in ${elapsed.toFixed(2)} s by ${perWorker.join(" + ")}: ${(total / elapsed).toFixed(2)}/s`
  )
  console.log(`of the limit of 50/s: ${((100 * total) / expected).toFixed(1)} %`)
  console.log(`commands sent to Redis: ${((callsTo.sent - callsFrom.sent) / elapsed).toFixed(0)}/s`)
  console.log(
    `commands run by Redis, those inside scripts included: ${((callsTo.all - callsFrom.all) / elapsed).toFixed(0)}/s`
  )
  for (const worker of workers) worker.kill("SIGKILL")
  probe.disconnect()
  await redis.stop()
  process.exit(0)
}

const url = process.argv[2]
if (url === undefined) await measure()
else work(url)
