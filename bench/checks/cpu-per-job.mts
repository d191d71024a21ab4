// What a job costs winterq, in CPU time of the client and of Redis: the figures to watch while profiling.
//
//   node -C winterq-source bench/checks/cpu-per-job.mts            # 100,000 jobs
//   BENCH_JOBS=20000 node -C winterq-source bench/checks/cpu-per-job.mts
import { installPeers } from "../lib/install.mts"
import { makePayloads } from "../lib/payload.mts"
import { fill, processAll } from "../lib/processing.mts"
import type { ScenarioRun, Taken } from "../lib/Scenario.mts"

installPeers()
// need what was just installed
const { default: winterq } = await import("../contenders/winterq.mts")
const { startBenchRedis } = await import("../lib/redis.mts")
const { openProbe } = await import("../lib/redis-probe.mts")

const jobs = Number(process.env["BENCH_JOBS"] || 100_000)
const warmUpJobs = 10_000

const server = await startBenchRedis("free")
const redis = await openProbe(server.target)
const queue = await winterq.open(server.target, "plain")

const measured: ScenarioRun["measured"] = async (work) => {
  const redisBefore = await redis.cpuMicros()
  const clientBefore = process.cpuUsage()
  const start = performance.now()
  const value = await work()
  const millis = performance.now() - start
  const { system, user } = process.cpuUsage(clientBefore)
  return { value, millis, clientMicros: user + system, redisMicros: (await redis.cpuMicros()) - redisBefore }
}

const row = (work: string, count: number, { clientMicros, millis, redisMicros }: Taken<void>) => {
  const perJob = (micros: number) => Number((micros / count).toFixed(1))
  return {
    work,
    "client us/job": perJob(clientMicros),
    "Redis us/job": perJob(redisMicros),
    "both us/job": perJob(clientMicros + redisMicros),
    "jobs/s": Math.round((count * 1000) / millis)
  }
}

const round = async (count: number) => {
  const payloads = makePayloads(count)
  await redis.flush()
  const inFlight = await measured(() => queue.enqueueEach(payloads, 100))
  await redis.flush()
  const bulk = await measured(() => fill(queue, count))
  const processed = await processAll({ jobs: count, measured }, queue, { concurrency: 100 })
  return [
    row("enqueue, 100 in flight", count, inFlight),
    row("enqueue, bulk of 1000", count, bulk),
    row("process, concurrency 100", count, processed)
  ]
}

await round(warmUpJobs)
console.table(await round(jobs))
await queue.close()
await redis.close()
await server.stop()
