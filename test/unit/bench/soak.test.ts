import { assert, describe, it } from "@effect/vitest"
import { minutesOf, type Sample, trendsOf } from "../../../bench/soak/SoakReport.mts"
import { trendOf } from "../../../bench/soak/trend.mts"

const at = Array.from({ length: 100 }, (_, n) => n * 5)
/** Noise that repeats itself, so that it has no trend of its own. */
const noise = (n: number) => [-3, 1, 4, -1, 2, -3][n % 6]!

const process = { rssBytes: 1, heapBytes: 40 * 2 ** 20, cpuMicros: 0 }
const latency = { count: 1, p50: 1, p99: 2, max: 3 }

const sample = (seconds: number, jobs: number, entries: Record<string, number> = {}): Sample => ({
  seconds,
  producer: { ...process, sent: jobs, accepted: jobs, duplicates: 0, failed: 0, inFlight: 0 },
  worker: { ...process, started: jobs, latency, wholeLatency: latency },
  server: { usedBytes: 2 ** 24, rssBytes: 1, keys: 10, entries, cpuMicros: 0, inBytes: 0, outBytes: 0 },
  machineMicros: seconds * 1e6
})

describe("the verdict of the soak", () => {
  it("a series that gains more than its bound grows", () => {
    const trend = trendOf(
      "a",
      at,
      at.map((seconds, n) => 1000 + seconds / 10 + noise(n)),
      10
    )

    assert.isTrue(trend.grows)
    assert.approximately(trend.growth, 49.5, 2)
    assert.strictEqual(trend.bound, Math.max(10, trend.median * 0.02))
  })

  it("noise without a trend is flat, whatever its size", () => {
    assert.isFalse(
      trendOf(
        "a",
        at,
        at.map((_, n) => 1000 + 100 * noise(n)),
        0
      ).grows
    )
  })

  it("a gain within two percent is flat", () => {
    assert.isFalse(
      trendOf(
        "a",
        at,
        at.map((seconds) => 100_000 + seconds),
        10
      ).grows
    )
  })

  it("what shrinks is flat", () => {
    assert.isFalse(
      trendOf(
        "a",
        at,
        at.map((seconds) => 10_000 - seconds),
        10
      ).grows
    )
  })

  it("a single key of the queue that gains entries is named", () => {
    const samples = at.map((seconds) => sample(seconds, 0, { jobs: 1000, ledger: seconds }))

    const grown = trendsOf(samples).filter(({ grows }) => grows)

    assert.deepStrictEqual(
      grown.map(({ name }) => name),
      ["entries of ledger"]
    )
  })

  it("minutes have their rates, also when samples are late", () => {
    const samples = [sample(0, 0), sample(30, 300), sample(60.4, 604), sample(90, 900), sample(120.9, 1209)]

    const minutes = minutesOf(samples)

    assert.deepStrictEqual(
      minutes.map(({ accepted, minute, otherCores }) => [minute, Math.round(accepted), Math.round(otherCores)]),
      [
        [1, 10, 1],
        [2, 10, 1]
      ]
    )
  })
})
