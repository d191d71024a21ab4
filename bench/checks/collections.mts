// What jobs that come one by one leave to the collector: how long collections of the young generation take, which grows
// with what survives them, and by how much the heap grows in between.
//
//   node -C winterq-source bench/checks/collections.mts            # winterq
//   node -C winterq-source bench/checks/collections.mts bullmq     # another contender
import { PerformanceObserver, constants } from "node:perf_hooks"
import { installPeers } from "../lib/install.mts"
import { makePayloads } from "../lib/payload.mts"
import { loadContender } from "../lib/registry.mts"
import { quantile } from "../lib/statistics.mts"

installPeers()
// needs what was just installed
const { startBenchRedis } = await import("../lib/redis.mts")
const contender = await loadContender(process.argv[2] ?? "winterq")

const jobs = 12_000
const warmUpJobs = 6000

const server = await startBenchRedis("free")
const queue = await contender.open(server.target, "plain")
const payloads = makePayloads(100)
let done = () => {}
const worker = await queue.readyWorker({ concurrency: 10, onJob: () => {}, onDone: () => done() })
await worker.start()

const oneByOne = async (count: number) => {
  for (let i = 0; i < count; i++) {
    const ended = new Promise<void>((resolve) => (done = resolve))
    await queue.enqueue(payloads[i % payloads.length]!)
    await ended
  }
}

await oneByOne(warmUpJobs)
const minor: Array<number> = []
const major: Array<number> = []
const observer = new PerformanceObserver((list) => {
  for (const { detail, duration } of list.getEntries()) {
    const { kind } = detail as { readonly kind: number }
    if (kind === constants.NODE_PERFORMANCE_GC_MINOR) minor.push(duration)
    else if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) major.push(duration)
  }
})
observer.observe({ entryTypes: ["gc"] })
const before = process.memoryUsage().heapUsed
await oneByOne(jobs)
const grown = process.memoryUsage().heapUsed - before
// entries come a turn later
await new Promise((resolve) => setTimeout(resolve, 50))

console.table([
  {
    jobs,
    "young collections": minor.length,
    "median, ms": Number(quantile(minor, 0.5).toFixed(1)),
    "longest, ms": Number(Math.max(...minor).toFixed(1)),
    others: major.length,
    "heap grew, kB a job": Number((grown / jobs / 1000).toFixed(2))
  }
])
await worker.stop()
await queue.close()
await server.stop()
