import { type GoalReport, type ScenarioReport, subject } from "./report.mts"
import { columns, shown, spread } from "./text.mts"

const nameOf = ({ metric, scenario }: GoalReport) => (metric === "rate" ? scenario : `${scenario}, ${metric}`)

const targetOf = ({ atLeast, atMost }: GoalReport) =>
  [
    ...(atLeast === undefined ? [] : [`>= ${shown(atLeast)}`]),
    ...(atMost === undefined ? [] : [`<= ${shown(atMost)}`])
  ].join(", ")

const verdictOf = ({ measured, reached }: GoalReport) => {
  if (Number.isNaN(measured.median)) return "NOT MEASURED"
  return reached ? "reached" : "NOT REACHED"
}

/** Every figure that has a goal, beside it, in one table; empty when there is none. */
export const summaryText = (reports: ReadonlyArray<ScenarioReport>): string => {
  const goals = reports.flatMap((report) => report.goals)
  if (goals.length === 0) return ""
  const rows = goals.map((goal) => [
    nameOf(goal),
    goal.placement,
    goal.against === undefined ? `${subject} alone` : `${subject} / ${goal.against}`,
    spread(goal.measured),
    goal.unit,
    targetOf(goal),
    verdictOf(goal)
  ])
  const reached = goals.filter((goal) => goal.reached).length
  return [
    columns([["scenario", "placement", "figure", "median (min - max)", "", "target", ""], ...rows], [3]),
    `reached: ${reached} of ${goals.length}`
  ].join("\n")
}
