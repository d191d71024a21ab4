// A producer and a worker at half of what they can do, for a long time: does anything grow, is anything lost?
//
//   npm run soak -- --minutes 15 [--json soak.json]
//
// Ends with exit code 1 when memory or a key of the queue grows, or a job was lost or ran more often than it should.
import { writeFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import { installPeers, versions } from "./lib/install.mts"
import { machineOf, machineText } from "./lib/Machine.mts"
import { machineMicros } from "./lib/machine-load.mts"
import { startChild } from "./soak/child.mts"
import type { ProducerSample, RunCheck, WorkerSample } from "./soak/protocol.mts"
import { soakText } from "./soak/report-text.mts"
import { type Check, costOf, minutesOf, type Sample, type SoakReport, trendsOf } from "./soak/SoakReport.mts"

const peakWarmUpSeconds = 4
const peakSeconds = 16
const sampleSeconds = 5
const warmUpShare = 0.2
/** More jobs than any machine handles while the peak is measured. */
const peakNumbers = 5_000_000
const settleSeconds = 60
/** A worker tidies every 5 seconds. */
const tidySeconds = 30

const { values: options } = parseArgs({ options: { minutes: { type: "string" }, json: { type: "string" } } })
const minutes = Number(options.minutes ?? 15)
if (!(minutes >= 1)) {
  console.error(`--minutes must be a number from 1 on, not ${options.minutes}`)
  process.exit(2)
}

installPeers()
// need what was just installed
const { startBenchRedis } = await import("./lib/redis.mts")
const { openServerProbe, unsettledOf } = await import("./soak/server-sample.mts")
const { countOf, queue } = await import("./soak/mix.mts")
const { QueueControl } = await import("winterq")
const Redis = await import("winterq/redis")

const redis = await startBenchRedis("free")
const { target } = redis
const machine = machineOf(redis.version, { effect: versions()["effect"] ?? "?" })
console.log(`${machineText(machine)}\n`)
const probe = await openServerProbe(target, queue)

const openPair = async (keepSeconds: number, numbers: number, rate?: number) => {
  const [producer, worker] = [startChild("producer"), startChild("worker")]
  const open = { ask: "open", target, keepSeconds, numbers, ...(rate === undefined ? {} : { rate }) } as const
  await Promise.all([producer.ask(open), worker.ask(open)])
  await worker.ask({ ask: "start" })
  await producer.ask({ ask: "start" })
  return { producer, worker }
}

type Pair = Awaited<ReturnType<typeof openPair>>

const sampled = async ({ producer, worker }: Pair, startedAt: number, fresh = false): Promise<Sample> => {
  const seconds = (performance.now() - startedAt) / 1000
  const server = await probe.sample()
  const ask = { ask: "sample", fresh } as const
  const [ofProducer, ofWorker] = await Promise.all([producer.ask<ProducerSample>(ask), worker.ask<WorkerSample>(ask)])
  return { seconds, producer: ofProducer, worker: ofWorker, server, machineMicros: machineMicros() }
}

/** Jobs a second, of whichever is slower. */
const measurePeak = async (keepSeconds: number): Promise<number> => {
  const pair = await openPair(keepSeconds, peakNumbers)
  const startedAt = performance.now()
  await sleep(peakWarmUpSeconds * 1000)
  const before = await sampled(pair, startedAt)
  await sleep(peakSeconds * 1000)
  const after = await sampled(pair, startedAt)
  await Promise.all([pair.producer.end(), pair.worker.end()])
  await probe.flush()
  const jobs = Math.min(
    after.producer.accepted - before.producer.accepted,
    after.worker.started - before.worker.started
  )
  return jobs / (after.seconds - before.seconds)
}

/** Waits until the queue has come to rest, or the time is over; says what it holds. */
const entriesOnce = async (isSo: (entries: Sample["server"]["entries"]) => boolean, seconds: number) => {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    const { entries } = await probe.sample()
    if (isSo(entries) || performance.now() > deadline) return entries
    await sleep(200)
  }
}

/** Keys that are not about single jobs. */
const standing = new Set(["meta", "wake", "workers", "about", "claims", "requests", "producers"])

const leftIn = (entries: Sample["server"]["entries"]) =>
  Object.entries(entries).reduce((sum, [key, count]) => sum + (standing.has(key) ? 0 : count), 0)

/** Lets the queue run empty, and compares the books. */
const settle = async ({ producer, worker }: Pair, numbers: number, keepSeconds: number) => {
  const { accepted, duplicates, failed, sent } = await producer.ask<ProducerSample>({ ask: "stop" })
  const unsettled = unsettledOf(await entriesOnce((entries) => unsettledOf(entries) === 0, settleSeconds))
  const control = <A,>(ask: (control: typeof QueueControl.Service) => Effect.Effect<A, unknown>) =>
    Effect.runPromise(
      QueueControl.use(ask).pipe(Effect.provide(Redis.layer({ url: `redis://${target.host}:${target.port}` })))
    )
  const counters = await control(({ counters }) => counters(queue))
  const runs = await worker.ask<RunCheck>({ ask: "check", sent })
  console.log(`waiting up to ${keepSeconds + tidySeconds} s for kept results to go`)
  const left = await entriesOnce((entries) => leftIn(entries) === 0, keepSeconds + tidySeconds)
  const checks: ReadonlyArray<Check> = [
    { what: "jobs sent", expected: numbers, found: sent },
    { what: "enqueues that failed", expected: 0, found: failed },
    { what: "enqueued, as the queue says", expected: accepted, found: counters.enqueued },
    { what: "completed, as the queue says", expected: accepted, found: counters.completed },
    { what: "not settled at the end", expected: 0, found: unsettled },
    { what: "dead or cancelled", expected: 0, found: counters.died + counters.cancelled },
    { what: "failed once on purpose, and retried", expected: countOf("failing", numbers), found: counters.retried },
    { what: "jobs that ran too seldom", expected: 0, found: runs.missing },
    { what: "jobs that ran too often", expected: 0, found: runs.tooOften },
    { what: "unique jobs that were left out", expected: duplicates, found: runs.uniqueNotRun },
    { what: "records left when all was over", expected: 0, found: leftIn(left) }
  ]
  await worker.ask({ ask: "stop" })
  return checks
}

const soak = async (): Promise<SoakReport> => {
  const seconds = minutes * 60
  // short enough that a short run gets past it while it warms up
  const keepSeconds = Math.min(60, Math.ceil(seconds / 10))
  const peak = await measurePeak(keepSeconds)
  const rate = Math.floor(peak / 2)
  const numbers = Math.floor(rate * seconds)
  console.log(`peak: ${Math.round(peak)} jobs/s; now ${rate} jobs/s for ${minutes} minutes`)

  const pair = await openPair(keepSeconds, numbers, rate)
  const startedAt = performance.now()
  const warmUpSeconds = seconds * warmUpShare
  const samples: Array<Sample> = [await sampled(pair, startedAt)]
  let warm = 0
  for (let at = sampleSeconds; at <= seconds; at += sampleSeconds) {
    await sleep(Math.max(0, startedAt + at * 1000 - performance.now()))
    const isFirst = warm === 0 && at >= warmUpSeconds
    if (isFirst) warm = samples.length
    samples.push(await sampled(pair, startedAt, isFirst))
  }
  const counted = samples.slice(warm)
  const trends = trendsOf(counted)
  const checks = await settle(pair, numbers, keepSeconds)
  await Promise.all([pair.producer.end(), pair.worker.end()])
  return {
    machine,
    minutes,
    peak,
    rate,
    keepSeconds,
    warmUpSeconds,
    latency: samples.at(-1)!.worker.wholeLatency,
    cost: costOf(counted),
    trends,
    checks,
    table: minutesOf(samples),
    samples,
    passed: trends.every(({ grows }) => !grows) && checks.every(({ expected, found }) => expected === found)
  }
}

try {
  const report = await soak()
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`)
  console.log(`\n${soakText(report)}`)
  process.exitCode = report.passed ? 0 : 1
} finally {
  await probe.close()
  await redis.stop()
}
