import * as Schema from "effect/Schema"

/**
 * How long some things took: their number, the sum of their times, and a histogram.
 *
 * **Shape** Bucket `i` counts times above `edgeMillis(i - 1)` and up to `edgeMillis(i)`; buckets at the end that are
 * empty are left out. Samples of several workers are added up without loss.
 */
export const Sample = Schema.Struct({
  count: Schema.Int,
  totalMillis: Schema.Finite,
  buckets: Schema.Array(Schema.Int)
})
export type Sample = typeof Sample.Type

/** What people ask of a sample. Milliseconds. */
export interface Latency {
  /** How many were measured. */
  readonly count: number
  /** Exact. */
  readonly meanMillis: number
  /** At most a fifth and a millisecond above the true value, never below: the upper edge of its bucket. */
  readonly p50Millis: number
  /** At most a fifth and a millisecond above the true value, never below: the upper edge of its bucket. */
  readonly p95Millis: number
}

/** Buckets of a histogram: four per doubling, from 1 ms to 37 hours; the last takes all that is longer. */
export const bucketCount = 109

/** The longest time that bucket `i` counts. */
export const edgeMillis = (bucket: number): number => 2 ** (bucket / 4)

/** Where a time is counted. Times below a millisecond, and what is no time at all, are in the first bucket. */
export const bucketOf = (millis: number): number =>
  millis > 1 ? Math.min(Math.ceil(Math.log2(millis) * 4), bucketCount - 1) : 0

export const noSample: Sample = { count: 0, totalMillis: 0, buckets: [] }

export const add = (one: Sample, other: Sample): Sample => ({
  count: one.count + other.count,
  totalMillis: one.totalMillis + other.totalMillis,
  buckets: Array.from(
    { length: Math.max(one.buckets.length, other.buckets.length) },
    (_, i) => (one.buckets[i] ?? 0) + (other.buckets[i] ?? 0)
  )
})

/** The upper edge, in whole milliseconds, of the bucket in which the share of all times is reached. */
const quantile = ({ buckets, count }: Sample, share: number): number => {
  let left = Math.max(1, Math.ceil(count * share))
  const bucket = buckets.findIndex((inBucket) => (left -= inBucket) <= 0)
  return Math.ceil(edgeMillis(bucket < 0 ? bucketCount - 1 : bucket))
}

/** Sums a sample up; nothing when nothing was measured. */
export const latencyOf = (sample: Sample): Latency | undefined =>
  sample.count > 0
    ? {
        count: sample.count,
        meanMillis: sample.totalMillis / sample.count,
        p50Millis: quantile(sample, 0.5),
        p95Millis: quantile(sample, 0.95)
      }
    : undefined
