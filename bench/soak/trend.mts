import { summarize } from "../lib/statistics.mts"

/** A straight line through a series, by least squares. */
export interface Trend {
  readonly name: string
  readonly median: number
  /** What the line gains from the first to the last instant, in the unit of the series. */
  readonly growth: number
  /** The standard error of that. */
  readonly error: number
  /** What it may gain. */
  readonly bound: number
  /** Whether it gains more than that, and more than chance explains. */
  readonly grows: boolean
}

/** A series may gain 2 % of its median, or `least` when that is more. */
const share = 0.02
/** Less than so many standard errors is noise. */
const significance = 3

export const trendOf = (
  name: string,
  at: ReadonlyArray<number>,
  values: ReadonlyArray<number>,
  least: number
): Trend => {
  const count = values.length
  const mean = (numbers: ReadonlyArray<number>) => numbers.reduce((sum, number) => sum + number, 0) / count
  const [meanAt, meanValue] = [mean(at), mean(values)]
  const spread = at.reduce((sum, instant) => sum + (instant - meanAt) ** 2, 0)
  const slope = at.reduce((sum, instant, i) => sum + (instant - meanAt) * (values[i]! - meanValue), 0) / spread
  const residuals = at.reduce((sum, instant, i) => sum + (values[i]! - meanValue - slope * (instant - meanAt)) ** 2, 0)
  const window = at.at(-1)! - at[0]!
  const growth = slope * window
  const error = Math.sqrt(residuals / Math.max(1, count - 2) / spread) * window
  const { median } = summarize(values)
  const bound = Math.max(share * median, least)
  return { name, median, growth, error, bound, grows: growth > bound && growth > significance * error }
}
