import type { Machine } from "./Machine.mts"
import type { Measurement } from "./Measurement.mts"
import type { Metric, Placement, Scenario } from "./Scenario.mts"
import { type Summary, summarize } from "./statistics.mts"

/** The library whose figures are divided by the others'. */
export const subject = "winterq"

/** One round's measurement per contender; a failed one has none. */
export type Round = Readonly<Record<string, Measurement | undefined>>

export interface MetricReport {
  readonly metric: string
  readonly unit: string
  readonly contenders: Readonly<Record<string, Summary>>
  /** winterq's figure divided by the other's, round by round. */
  readonly ratios: Readonly<Record<string, Summary>>
}

/** A goal and what was measured for it: a ratio, or winterq's own figure; not numbers when measuring failed. */
export interface GoalReport {
  readonly scenario: string
  readonly metric: string
  readonly placement: Placement
  /** Whose figure winterq's is divided by. */
  readonly against?: string
  readonly unit: string
  readonly measured: Summary
  readonly atLeast?: number
  readonly atMost?: number
  /** Whether the median reaches it. */
  readonly reached: boolean
}

export interface ScenarioReport {
  readonly scenario: string
  readonly title: string
  readonly placement: Placement
  readonly jobs: number
  readonly charted: boolean
  readonly rounds: ReadonlyArray<Round>
  /** What is said of contenders that do not take part. */
  readonly absent: Readonly<Record<string, string>>
  readonly metrics: ReadonlyArray<MetricReport>
  /** CPU time a job, client and Redis together, as ratios. Other load on the machine disturbs it least. */
  readonly cpuRatios: Readonly<Record<string, Summary>>
  readonly goals: ReadonlyArray<GoalReport>
}

/** All of a run, as `--json` writes it. */
export interface BenchReport {
  readonly machine: Machine
  readonly rounds: number
  readonly guarantees: Readonly<Record<string, string>>
  readonly reports: ReadonlyArray<ScenarioReport>
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

const ratiosOf = (
  rounds: ReadonlyArray<Round>,
  contenders: ReadonlyArray<string>,
  figure: (measurement: Measurement) => number | undefined
) =>
  Object.fromEntries(
    contenders.includes(subject)
      ? contenders.filter((name) => name !== subject).map((peer) => [peer, pairwise(rounds, peer, figure)])
      : []
  )

export const cpuMicrosPerJob = (measurement: Measurement) =>
  measurement.clientMicrosPerJob + measurement.redisMicrosPerJob

const reportMetric = (
  metric: Metric,
  contenders: ReadonlyArray<string>,
  rounds: ReadonlyArray<Round>
): MetricReport => {
  const valueOf = (measurement: Measurement | undefined) => measurement?.values[metric.name]
  return {
    metric: metric.name,
    unit: metric.unit,
    contenders: Object.fromEntries(
      contenders.map((name) => [name, summarize(rounds.map((round) => valueOf(round[name])).filter(isNumber))])
    ),
    // a figure that is a ratio has none
    ratios: metric.unit === "x" ? {} : ratiosOf(rounds, contenders, valueOf)
  }
}

const goalsOf = (
  scenario: string,
  metric: Metric,
  { contenders, ratios }: MetricReport,
  placement: Placement
): ReadonlyArray<GoalReport> =>
  (metric.goals ?? []).flatMap(({ placements, ...goal }) => {
    const measured = goal.against === undefined ? contenders[subject] : ratios[goal.against]
    if (!placements.includes(placement) || measured === undefined) return []
    return [
      {
        scenario,
        metric: metric.name,
        placement,
        unit: goal.against === undefined ? metric.unit : "x",
        measured,
        ...goal,
        reached: measured.median >= (goal.atLeast ?? -Infinity) && measured.median <= (goal.atMost ?? Infinity)
      }
    ]
  })

export const reportScenario = (
  name: string,
  scenario: Scenario,
  placement: Placement,
  jobs: number,
  contenders: ReadonlyArray<string>,
  absent: Readonly<Record<string, string>>,
  rounds: ReadonlyArray<Round>
): ScenarioReport => {
  const metrics = scenario.metrics.map((metric) => reportMetric(metric, contenders, rounds))
  return {
    scenario: name,
    title: scenario.title,
    placement,
    jobs,
    charted: scenario.charted ?? false,
    rounds,
    absent,
    metrics,
    cpuRatios: ratiosOf(rounds, contenders, cpuMicrosPerJob),
    goals: scenario.metrics.flatMap((metric, index) => goalsOf(name, metric, metrics[index]!, placement))
  }
}
