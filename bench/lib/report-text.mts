import { disturbedFrom } from "./machine-load.mts"
import type { Measurement } from "./Measurement.mts"
import { cpuMicrosPerJob, type MetricReport, type ScenarioReport, subject } from "./report.mts"
import { summarize } from "./statistics.mts"
import { columns, fixed, placementText, shown, spread } from "./text.mts"

const otherLoad = (report: ScenarioReport): ReadonlyArray<string> => {
  const most = Math.max(0, ...report.rounds.flatMap((round) => Object.values(round)).map((one) => one?.otherCores ?? 0))
  return most < disturbedFrom ? [] : [`  disturbed: other processes kept up to ${most.toFixed(1)} cores busy`]
}

const ratioText = (ratios: MetricReport["ratios"], name: string) =>
  ratios[name] === undefined ? "" : spread(ratios[name])

/** Metrics that were measured at all: with fewer jobs, some are not. */
const measuredOf = ({ metrics }: ScenarioReport) =>
  metrics.filter(({ contenders }) => Object.values(contenders).some(({ median }) => !Number.isNaN(median)))

const metricRows = ({ contenders, metric, ratios, unit }: MetricReport) => [
  [metric, "median", "min", "max", "", Object.keys(ratios).length === 0 ? "" : `${subject} / it (min - max)`],
  ...Object.entries(contenders).map(([name, { max, median, min }]) => [
    `  ${name}`,
    shown(median),
    shown(min),
    shown(max),
    unit,
    ratioText(ratios, name)
  ])
]

const cpuRows = (report: ScenarioReport, contenders: ReadonlyArray<string>) => {
  const median = (contender: string, figure: (measurement: Measurement) => number) =>
    fixed(
      summarize(report.rounds.flatMap((round) => (round[contender] === undefined ? [] : [figure(round[contender])])))
        .median,
      1
    )
  return [
    ["CPU a job", "client", "Redis", "both", "", ""],
    ...contenders.map((name) => [
      `  ${name}`,
      median(name, (one) => one.clientMicrosPerJob),
      median(name, (one) => one.redisMicrosPerJob),
      median(name, cpuMicrosPerJob),
      "us",
      ratioText(report.cpuRatios, name)
    ])
  ]
}

/** A table for people. */
export const reportText = (report: ScenarioReport): string => {
  const contenders = Object.keys(report.metrics[0]?.contenders ?? {})
  return [
    `${report.title}  [${report.scenario}: ${report.jobs} jobs, ${placementText(report.placement)}, ` +
      `rounds: ${report.rounds.length}]`,
    columns([...measuredOf(report).flatMap(metricRows), ...cpuRows(report, contenders)], [1, 2, 3]),
    ...Object.entries(report.absent).map(([name, remark]) => `  ${name}: ${remark}`),
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
    columns([["    command", "calls", "calls/job", "us/job"], ...rows], [1, 2, 3])
  ].join("\n")
}
