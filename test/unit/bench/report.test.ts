import { assert, describe, it } from "@effect/vitest"
import { chartOf } from "../../../bench/lib/chart.mts"
import type { Measurement } from "../../../bench/lib/Measurement.mts"
import { type BenchReport, reportScenario, type Round } from "../../../bench/lib/report.mts"
import { reportText } from "../../../bench/lib/report-text.mts"
import type { Scenario } from "../../../bench/lib/Scenario.mts"
import { quantile, summarize } from "../../../bench/lib/statistics.mts"
import { summaryText } from "../../../bench/lib/summary.mts"

const measurement = (rate: number): Measurement => ({
  jobs: 10,
  values: { rate },
  clientMicrosPerJob: 1,
  redisMicrosPerJob: 1,
  otherCores: 0,
  commands: {}
})

const scenario: Scenario = {
  title: "some work",
  jobs: 10,
  scales: true,
  placements: ["free", "pinned"],
  charted: true,
  metrics: [
    {
      name: "rate",
      unit: "jobs/s",
      goals: [
        { against: "bullmq", placements: ["free"], atLeast: 2 },
        { against: "bullmq", placements: ["pinned"], atLeast: 9 },
        { against: "absent", placements: ["free"], atLeast: 1 },
        { placements: ["free"], atMost: 100 }
      ]
    }
  ],
  run: async () => ({})
}

const rounds: ReadonlyArray<Round> = [
  { winterq: measurement(300), bullmq: measurement(100) },
  { winterq: measurement(200), bullmq: measurement(200) },
  { winterq: measurement(500), bullmq: measurement(100) },
  { winterq: measurement(900), bullmq: undefined }
]

const report = reportScenario("work", scenario, "free", 10, ["winterq", "bullmq"], { other: "not offered" }, rounds)

const run: BenchReport = {
  machine: { cpu: "a & b", cores: 2, memoryGiB: 1, system: "s", node: "1", redis: "7", versions: { winterq: "0" } },
  rounds: 4,
  guarantees: {},
  reports: [report]
}

describe("statistics of the benchmark", () => {
  it("a median of an even count lies between the two in the middle", () => {
    assert.deepStrictEqual(summarize([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 })
  })

  it("a quantile is the nearest rank", () => {
    const sample = Array.from({ length: 100 }, (_, n) => 100 - n)

    assert.deepStrictEqual([quantile(sample, 0.5), quantile(sample, 0.99), quantile([3, 1, 2], 0.5)], [50, 99, 2])
  })
})

describe("report of the benchmark", () => {
  it("a ratio is taken round by round, of rounds that have both", () => {
    assert.deepStrictEqual(report.metrics[0]?.ratios, { bullmq: { median: 3, min: 1, max: 5 } })
  })

  it("a goal holds for its placement and for what was measured", () => {
    const goals = report.goals.map(({ against, measured, reached }) => [against, measured.median, reached])

    assert.deepStrictEqual(goals, [
      ["bullmq", 3, true],
      [undefined, 400, false]
    ])
  })

  it("the summary shows each goal beside its figure", () => {
    const lines = summaryText([report]).split("\n")

    assert.match(lines[1]!, /^work +free +winterq \/ bullmq +3\.00 \(1\.00 - 5\.00\) +x +>= 2\.00 +reached$/)
    assert.match(lines[2]!, /^work +free +winterq alone +400 \(200 - 900\) +jobs\/s +<= 100 +NOT REACHED$/)
    assert.strictEqual(lines.at(-1), "reached: 1 of 2")
  })

  it("a goal whose figure is missing is not measured", () => {
    const failed: ReadonlyArray<Round> = [{ winterq: measurement(300), bullmq: undefined }]

    const summary = summaryText([reportScenario("work", scenario, "pinned", 10, ["winterq", "bullmq"], {}, failed)])

    assert.match(summary.split("\n")[1]!, /bullmq +- +x +>= 9\.00 +NOT MEASURED$/)
  })

  it("the table says who does not take part", () => {
    assert.include(reportText(report).split("\n"), "  other: not offered")
  })

  it("the chart draws bars as long as their medians, and escapes what it is given", () => {
    const chart = chartOf(run)

    const lengths = [...chart.matchAll(/height="14"/g)].length
    assert.strictEqual(lengths, 2)
    assert.match(chart, /width="400\.0"[^>]*fill="#2563eb"/)
    assert.match(chart, /width="100\.0"/)
    assert.include(chart, "a &amp; b")
  })
})
