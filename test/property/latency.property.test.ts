import fc from "fast-check"
import { assert, describe, it } from "vitest"
import { add, bucketCount, bucketOf, edgeMillis, latencyOf, noSample, type Sample } from "../../src/domain/Latency.ts"

/** Up to 37 hours, small ones as often as large ones. */
const millis = fc.double({ min: 0, max: 26.9, noNaN: true }).map((exponent) => 2 ** exponent)
const times = fc.array(millis, { minLength: 1, maxLength: 200 })

const sampleOf = (some: ReadonlyArray<number>): Sample => {
  const buckets = Array.from({ length: bucketCount }, () => 0)
  for (const time of some) buckets[bucketOf(time)]! += 1
  return {
    count: some.length,
    totalMillis: some.reduce((sum, time) => sum + time, 0),
    buckets: buckets.slice(0, buckets.findLastIndex((count) => count > 0) + 1)
  }
}

const exact = (some: ReadonlyArray<number>, share: number): number =>
  some.toSorted((a, b) => a - b)[Math.ceil(some.length * share) - 1]!

describe("latency", () => {
  it("a percentile is never too low, and at most a fifth and a millisecond too high", () => {
    fc.assert(
      fc.property(times, (some) => {
        const latency = latencyOf(sampleOf(some))!

        for (const [shown, share] of [
          [latency.p50Millis, 0.5],
          [latency.p95Millis, 0.95]
        ] as const) {
          const truth = exact(some, share)
          // a power of two may come back a hair off
          assert.isAtLeast(shown, truth * (1 - 1e-9))
          assert.isAtMost(shown, truth * 1.2 + 1)
        }
      })
    )
  })

  it("samples add up to the sample of all", () => {
    fc.assert(
      fc.property(times, times, (one, other) => {
        const sum = add(sampleOf(one), sampleOf(other))
        const all = sampleOf([...one, ...other])

        assert.deepStrictEqual([sum.count, sum.buckets], [all.count, all.buckets])
        assert.closeTo(sum.totalMillis, all.totalMillis, all.totalMillis * 1e-9)
      })
    )
  })

  it("every time has a bucket, and nothing has no latency", () => {
    const far = [0, -1, Number.NaN, 1, 2, 1e300, Number.POSITIVE_INFINITY].map(bucketOf)

    assert.deepStrictEqual(far, [0, 0, 0, 0, 4, bucketCount - 1, bucketCount - 1])
    assert.strictEqual(edgeMillis(4), 2)
    assert.isUndefined(latencyOf(noSample))
  })
})
