import { disturbedFrom } from "../lib/machine-load.mts"
import { columns, fixed, shown } from "../lib/text.mts"
import type { SoakReport } from "./SoakReport.mts"
import type { Trend } from "./trend.mts"

const mebibytes = (bytes: number) => fixed(bytes / 2 ** 20, 2)

const tableText = ({ table }: SoakReport) => {
  const head = ["minute", "enqueued/s", "started/s", "depth", "deepest", "other cores", "p50 ms", "p99 ms"]
  const memory = ["Redis MiB", "worker heap", "producer heap", "Redis RSS", "worker RSS", "producer RSS"]
  const rows = table.map((row) => [
    String(row.minute),
    ...[row.accepted, row.started].map((rate) => String(Math.round(rate))),
    ...[row.depth, row.deepest].map((jobs) => String(Math.round(jobs))),
    ...[row.otherCores, row.p50, row.p99].map((value) => fixed(value, 2)),
    ...[row.usedBytes, row.workerHeapBytes, row.producerHeapBytes].map(mebibytes),
    ...[row.redisRssBytes, row.workerRssBytes, row.producerRssBytes].map(mebibytes)
  ])
  return columns(
    [[...head, ...memory], ...rows],
    [...head, ...memory].map((_, column) => column)
  )
}

const isMemory = ({ name }: Trend) => /memory|heap/.test(name)

const trendText = (trend: Trend): ReadonlyArray<string> => {
  const text = (value: number) => (isMemory(trend) ? `${mebibytes(value)} MiB` : fixed(value, 1))
  const { bound, error, growth, grows, median, name } = trend
  return [name, text(median), `${text(growth)} +- ${text(error)}`, text(bound), grows ? "GROWS" : "flat"]
}

export const soakText = (report: SoakReport): string => {
  const { checks, cost, keepSeconds, latency, minutes, passed, peak, rate, table, trends, warmUpSeconds } = report
  return [
    tableText(report),
    `\ntrends after the first ${shown(warmUpSeconds)} s`,
    columns([["", "median", "gain", "allowed", ""], ...trends.map(trendText)], [1, 2, 3]),
    "\ncounts",
    columns(
      checks.map(({ expected, found, what }) => [
        what,
        String(found),
        found === expected ? "as expected" : `NOT ${expected}`
      ]),
      [1]
    ),
    `\n${minutes} minutes at ${shown(rate)} jobs/s, half of the peak of ${shown(peak)}; results kept for ${keepSeconds} s`,
    `latency from the planned enqueue to the start: p50 ${fixed(latency.p50, 2)} ms, p99 ${fixed(latency.p99, 2)} ms, ` +
      `at most ${fixed(latency.max, 1)} ms`,
    `CPU time per job: producer ${fixed(cost.producerMicros, 1)} us, worker ${fixed(cost.workerMicros, 1)} us, ` +
      `Redis ${fixed(cost.redisMicros, 1)} us; Redis received ${shown(cost.inBytes)} bytes and sent ${shown(cost.outBytes)}`,
    ...(table.some(({ otherCores }) => otherCores >= disturbedFrom)
      ? ["DISTURBED by other processes: latencies are theirs, and a backlog that they caused looks like growth"]
      : []),
    passed ? "PASSED: memory is flat, nothing was lost, nothing ran twice" : "FAILED: see above"
  ].join("\n")
}
