/** The value below which the given share of the sample lies, by nearest rank. */
export const quantile = (sample: ReadonlyArray<number>, share: number): number => {
  const sorted = sample.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN
}

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

export const summarize = (sample: ReadonlyArray<number>): Summary => {
  const sorted = sample.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median: median ?? Number.NaN, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}
