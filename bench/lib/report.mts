import { arch, cpus, release, totalmem } from "node:os"
import { disturbedFrom } from "./machine-load.mts"
import type { Measurement } from "./Measurement.mts"
import type { Metric, Placement, Scenario } from "./Scenario.mts"
import { type Summary, summarize } from "./statistics.mts"

/** The library whose figures the others are divided into. */
const subject = "winterq"

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly redis: string
  readonly versions: Readonly<Record<string, string>>
}

export const machineOf = (redis: string, versions: Readonly<Record<string, string>>): Machine => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${release()} ${arch()}`,
  node: process.versions.node,
  redis,
  versions
})

export const machineText = (machine: Machine): string =>
  [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}`,
    [
      `node ${machine.node}`,
      `redis ${machine.redis}`,
      ...Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
    ].join(", ")
  ].join("\n")

/** One round's measurement per contender; a failed one has none. */
export type Round = Readonly<Record<string, Measurement | undefined>>

export interface MetricReport {
  readonly metric: string
  readonly unit: string
  readonly contenders: Readonly<Record<string, Summary>>
  /** winterq's figure divided by the other's, round by round. */
  readonly ratios: Readonly<Record<string, Summary>>
  readonly goal?: string
}

export interface ScenarioReport {
  readonly scenario: string
  readonly title: string
  readonly placement: Placement
  readonly jobs: number
  readonly rounds: ReadonlyArray<Round>
  readonly metrics: ReadonlyArray<MetricReport>
  /** CPU time a job, client and Redis together, as ratios. Other load on the machine disturbs it least. */
  readonly cpuRatios: Readonly<Record<string, Summary>>
}

const isNumber = (value: number | undefined): value is number => value !== undefined

/** winterq's figure divided by the other's in each round that has both. */
const pairwise = (
  rounds: ReadonlyArray<Round>,
  other: string,
  figure: (measurement: Measurement) => number | undefined
) =>
  summarize(
    rounds.flatMap((round) => {
      const [ours, theirs] = [round[subject], round[other]].map((side) =>
        side === undefined ? undefined : figure(side)
      )
      return isNumber(ours) && isNumber(theirs) ? [ours / theirs] : []
    })
  )

const peersAmong = (contenders: ReadonlyArray<string>) =>
  contenders.includes(subject) ? contenders.filter((name) => name !== subject) : []

const cpuMicrosPerJob = (measurement: Measurement) => measurement.clientMicrosPerJob + measurement.redisMicrosPerJob

const reportMetric = (
  metric: Metric,
  contenders: ReadonlyArray<string>,
  rounds: ReadonlyArray<Round>,
  placement: Placement
): MetricReport => {
  const valueOf = (measurement: Measurement | undefined) => measurement?.values[metric.name]
  const goal = metric.goal?.[placement]
  return {
    metric: metric.name,
    unit: metric.unit,
    contenders: Object.fromEntries(
      contenders.map((name) => [name, summarize(rounds.map((round) => valueOf(round[name])).filter(isNumber))])
    ),
    ratios: Object.fromEntries(peersAmong(contenders).map((peer) => [peer, pairwise(rounds, peer, valueOf)])),
    ...(goal === undefined ? {} : { goal })
  }
}

export const reportScenario = (
  name: string,
  scenario: Scenario,
  placement: Placement,
  jobs: number,
  contenders: ReadonlyArray<string>,
  rounds: ReadonlyArray<Round>
): ScenarioReport => ({
  scenario: name,
  title: scenario.title,
  placement,
  jobs,
  rounds,
  metrics: scenario.metrics.map((metric) => reportMetric(metric, contenders, rounds, placement)),
  cpuRatios: Object.fromEntries(peersAmong(contenders).map((peer) => [peer, pairwise(rounds, peer, cpuMicrosPerJob)]))
})

const fixed = (value: number, digits: number): string => (Number.isNaN(value) ? "-" : value.toFixed(digits))

const shown = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en-US").replaceAll(",", " ") : fixed(value, value >= 10 ? 1 : 3)

const placementText = (placement: Placement) =>
  placement === "free" ? "free placement" : "client and Redis pinned to core 0"

const ratioRow = (peer: string, ratio: Summary, remark: string) => [
  `  ${subject} / ${peer}`,
  fixed(ratio.median, 2),
  fixed(ratio.min, 2),
  fixed(ratio.max, 2),
  "x",
  remark
]

const otherLoad = (report: ScenarioReport): ReadonlyArray<string> => {
  const most = Math.max(0, ...report.rounds.flatMap((round) => Object.values(round)).map((one) => one?.otherCores ?? 0))
  return most < disturbedFrom ? [] : [`  disturbed: other processes kept up to ${most.toFixed(1)} cores busy`]
}

/** A table for people. */
export const reportText = (report: ScenarioReport, contenders: ReadonlyArray<string>): string => {
  const median = (contender: string, figure: (measurement: Measurement) => number) =>
    summarize(report.rounds.flatMap((round) => (round[contender] === undefined ? [] : [figure(round[contender])])))
      .median
  const rows = [
    ...report.metrics.flatMap((metric) => [
      [metric.metric, "median", "min", "max", "", ""],
      ...Object.entries(metric.contenders).map(([name, summary]) => [
        `  ${name}`,
        shown(summary.median),
        shown(summary.min),
        shown(summary.max),
        metric.unit,
        ""
      ]),
      ...Object.entries(metric.ratios).map(([peer, ratio]) =>
        ratioRow(peer, ratio, metric.goal === undefined || peer !== "bullmq" ? "" : `to reach ${metric.goal}`)
      )
    ]),
    ["CPU a job", "client", "Redis", "both", "", ""],
    ...contenders.map((name) => [
      `  ${name}`,
      fixed(
        median(name, (one) => one.clientMicrosPerJob),
        1
      ),
      fixed(
        median(name, (one) => one.redisMicrosPerJob),
        1
      ),
      fixed(median(name, cpuMicrosPerJob), 1),
      "us",
      "medians"
    ]),
    ...Object.entries(report.cpuRatios).map(([peer, ratio]) => ratioRow(peer, ratio, "both; median, min, max"))
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (row: ReadonlyArray<string>) =>
    row
      .map((cell, column) =>
        column >= 1 && column <= 3 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
      )
      .join("  ")
      .trimEnd()
  return [
    `${report.title}  [${report.scenario}: ${report.jobs} jobs, ${placementText(report.placement)}, ` +
      `${report.rounds.length} rounds]`,
    ...rows.map(line),
    ...otherLoad(report)
  ].join("\n")
}

/** What Redis was asked for in the measured part of the last round, per job. */
export const commandsText = (contender: string, measurement: Measurement): string => {
  const rows = Object.entries(measurement.commands)
    .toSorted((a, b) => b[1].micros - a[1].micros)
    .map(([name, use]) => [
      `    ${name}`,
      String(use.calls),
      (use.calls / measurement.jobs).toFixed(3),
      (use.micros / measurement.jobs).toFixed(2)
    ])
  return [
    `  Redis commands of ${contender}, over ${measurement.jobs} jobs`,
    ...[["    command", "calls", "calls/job", "us/job"], ...rows].map(
      ([name, calls, perJob, micros]) =>
        `${name!.padEnd(24)}${calls!.padStart(9)}${perJob!.padStart(12)}${micros!.padStart(9)}`
    )
  ].join("\n")
}
