import type { Machine } from "../lib/Machine.mts"
import { summarize } from "../lib/statistics.mts"
import type { Latency, ProducerSample, WorkerSample } from "./protocol.mts"
import { depthOf, type ServerSample } from "./server-sample.mts"
import { type Trend, trendOf } from "./trend.mts"

/** Everything at one instant of the run. */
export interface Sample {
  /** Since the start. */
  readonly seconds: number
  readonly producer: ProducerSample
  readonly worker: WorkerSample
  readonly server: ServerSample
  /** CPU time spent on the machine since it started, whoever spent it, in microseconds. */
  readonly machineMicros: number
}

/** A count that has to be exactly so. */
export interface Check {
  readonly what: string
  readonly expected: number
  readonly found: number
}

/** What a job cost after the warm-up: CPU time in microseconds, and bytes that Redis received and sent. */
export interface JobCost {
  readonly producerMicros: number
  readonly workerMicros: number
  readonly redisMicros: number
  readonly inBytes: number
  readonly outBytes: number
}

/** One minute of a run; memory in bytes. */
export interface Minute {
  readonly minute: number
  readonly accepted: number
  readonly started: number
  readonly depth: number
  readonly deepest: number
  /** Cores that anything else on the machine kept busy. */
  readonly otherCores: number
  /** The median of the samples' medians, and the worst of their 99th percentiles, in milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly usedBytes: number
  readonly workerHeapBytes: number
  readonly producerHeapBytes: number
  readonly redisRssBytes: number
  readonly workerRssBytes: number
  readonly producerRssBytes: number
}

/** All of a run, as `--json` writes it. */
export interface SoakReport {
  readonly machine: Machine
  readonly minutes: number
  /** Jobs a second that producer and worker carried together when nothing held them back. */
  readonly peak: number
  /** Jobs a second of the run. */
  readonly rate: number
  readonly keepSeconds: number
  readonly warmUpSeconds: number
  /** After the warm-up. */
  readonly latency: Latency
  readonly cost: JobCost
  readonly trends: ReadonlyArray<Trend>
  readonly checks: ReadonlyArray<Check>
  readonly table: ReadonlyArray<Minute>
  readonly samples: ReadonlyArray<Sample>
  readonly passed: boolean
}

const mebibyte = 2 ** 20
/** Entries that a key of the queue may gain. */
const leastEntries = 100

export const trendsOf = (samples: ReadonlyArray<Sample>): ReadonlyArray<Trend> => {
  const at = samples.map(({ seconds }) => seconds)
  const trend = (name: string, least: number, valueOf: (sample: Sample) => number) =>
    trendOf(name, at, samples.map(valueOf), least)
  const keys = [...new Set(samples.flatMap(({ server }) => Object.keys(server.entries)))].toSorted()
  return [
    trend("Redis memory", mebibyte, ({ server }) => server.usedBytes),
    trend("worker heap", mebibyte, ({ worker }) => worker.heapBytes),
    trend("producer heap", mebibyte, ({ producer }) => producer.heapBytes),
    trend("keys of Redis", leastEntries, ({ server }) => server.keys),
    ...keys.map((key) => trend(`entries of ${key}`, leastEntries, ({ server }) => server.entries[key] ?? 0))
  ]
}

export const costOf = (samples: ReadonlyArray<Sample>): JobCost => {
  const [first, last] = [samples[0]!, samples.at(-1)!]
  const jobs = last.producer.accepted - first.producer.accepted
  const perJob = (valueOf: (sample: Sample) => number) => (valueOf(last) - valueOf(first)) / jobs
  return {
    producerMicros: perJob(({ producer }) => producer.cpuMicros),
    workerMicros: perJob(({ worker }) => worker.cpuMicros),
    redisMicros: perJob(({ server }) => server.cpuMicros),
    inBytes: perJob(({ server }) => server.inBytes),
    outBytes: perJob(({ server }) => server.outBytes)
  }
}

const microsOf = ({ producer, server, worker }: Sample) => producer.cpuMicros + worker.cpuMicros + server.cpuMicros

export const minutesOf = (samples: ReadonlyArray<Sample>): ReadonlyArray<Minute> => {
  // a sample may be a little late
  const minuteOf = ({ seconds }: Sample) => Math.ceil((seconds - 2) / 60)
  // the first one has nothing before it to be compared with
  const later = samples.slice(1)
  return [...new Set(later.map(minuteOf))].map((minute) => {
    const of = later.filter((sample) => minuteOf(sample) === minute)
    const last = of.at(-1)!
    const before = samples[samples.indexOf(of[0]!) - 1]!
    const elapsed = last.seconds - before.seconds
    const median = (valueOf: (sample: Sample) => number) => summarize(of.map(valueOf)).median
    return {
      minute,
      accepted: (last.producer.accepted - before.producer.accepted) / elapsed,
      started: (last.worker.started - before.worker.started) / elapsed,
      depth: median(({ server }) => depthOf(server.entries)),
      deepest: Math.max(...of.map(({ server }) => depthOf(server.entries))),
      otherCores: Math.max(
        0,
        (last.machineMicros - before.machineMicros - microsOf(last) + microsOf(before)) / elapsed / 1e6
      ),
      p50: median(({ worker }) => worker.latency.p50),
      p99: Math.max(...of.map(({ worker }) => worker.latency.p99)),
      usedBytes: median(({ server }) => server.usedBytes),
      workerHeapBytes: median(({ worker }) => worker.heapBytes),
      producerHeapBytes: median(({ producer }) => producer.heapBytes),
      redisRssBytes: median(({ server }) => server.rssBytes),
      workerRssBytes: median(({ worker }) => worker.rssBytes),
      producerRssBytes: median(({ producer }) => producer.rssBytes)
    }
  })
}
