// What a job costs winterq, in CPU time of the client and of Redis: the figures to watch while profiling.
//
//   node -C source bench/checks/cpu-per-job.mts            # 100,000 jobs
//   BENCH_JOBS=20000 node -C source bench/checks/cpu-per-job.mts
import { installPeers } from "../lib/install.mts"
import { inChunks, makePayloads } from "../lib/payload.mts"

installPeers()
// need what was just installed
const { default: winterq } = await import("../contenders/winterq.mts")
const { startBenchRedis } = await import("../lib/redis.mts")
const { openProbe } = await import("../lib/redis-probe.mts")

const jobs = Number(process.env["BENCH_JOBS"] || 100_000)
const warmUpJobs = 10_000
const concurrency = 100

const server = await startBenchRedis("free")
const redis = await openProbe(server.target)
const queue = await winterq.open(server.target)

interface Row {
  readonly work: string
  readonly "client us/job": number
  readonly "Redis us/job": number
  readonly "both us/job": number
  readonly "jobs/s": number
}

const measured = async (work: string, count: number, run: () => Promise<void>): Promise<Row> => {
  const redisBefore = await redis.cpuMicros()
  const clientBefore = process.cpuUsage()
  const start = performance.now()
  await run()
  const millis = performance.now() - start
  const { system, user } = process.cpuUsage(clientBefore)
  const clientMicros = (user + system) / count
  const redisMicros = ((await redis.cpuMicros()) - redisBefore) / count
  const rounded = (value: number) => Number(value.toFixed(1))
  return {
    work,
    "client us/job": rounded(clientMicros),
    "Redis us/job": rounded(redisMicros),
    "both us/job": rounded(clientMicros + redisMicros),
    "jobs/s": Math.round((count * 1000) / millis)
  }
}

const enqueueBulk = async (count: number) => {
  for (const chunk of inChunks(makePayloads(count), 1000)) await queue.enqueueBulk(chunk)
}

const processAll = async (count: number) => {
  const done = Promise.withResolvers<void>()
  let handled = 0
  const worker = await queue.readyWorker({
    concurrency,
    onJob: () => {
      if (++handled === count) done.resolve()
    }
  })
  await worker.start()
  await done.promise
  while ((await queue.unfinished()) > 0) continue
  return worker.stop
}

const round = async (count: number): Promise<ReadonlyArray<Row>> => {
  const payloads = makePayloads(count)
  await redis.flush()
  const inFlight = await measured("enqueue, 100 in flight", count, () => queue.enqueueEach(payloads, 100))
  await redis.flush()
  const bulk = await measured("enqueue, bulk of 1000", count, () => enqueueBulk(count))
  let stop = async () => {}
  const processed = await measured(`process, concurrency ${concurrency}`, count, async () => {
    stop = await processAll(count)
  })
  await stop()
  return [inFlight, bulk, processed]
}

await round(warmUpJobs)
console.table(await round(jobs))
await queue.close()
await redis.close()
await server.stop()
