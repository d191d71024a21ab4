import { assert, describe, it } from "@effect/vitest"
import { capacityText } from "../../../bench/lib/capacity.mts"
import { type BenchReport, reportScenario } from "../../../bench/lib/report.mts"
import type { SoakReport } from "../../../bench/soak/SoakReport.mts"

const machine = { cpu: "a cpu", cores: 2, memoryGiB: 1, system: "s", node: "1", redis: "7", versions: {} }

const memory = (otherCores: number): BenchReport => ({
  machine,
  rounds: 1,
  guarantees: {},
  reports: [
    reportScenario(
      "memory-waiting",
      {
        title: "memory",
        jobs: 1,
        scales: true,
        placements: ["free"],
        metrics: [{ name: "bytes", unit: "bytes" }],
        run: async () => ({})
      },
      "free",
      1,
      ["winterq"],
      {},
      [
        {
          winterq: {
            jobs: 1,
            values: { bytes: 2 ** 30 / 1e6 },
            clientMicrosPerJob: 1,
            redisMicrosPerJob: 1,
            otherCores,
            commands: {}
          }
        }
      ]
    )
  ]
})

const soak: SoakReport = {
  machine,
  minutes: 15,
  peak: 2000,
  rate: 1000,
  keepSeconds: 60,
  warmUpSeconds: 180,
  latency: { count: 1, p50: 1, p99: 2, max: 3 },
  cost: { producerMicros: 20, workerMicros: 25, redisMicros: 50, inBytes: 400, outBytes: 100 },
  trends: [],
  checks: [],
  table: [],
  samples: [],
  passed: true
}

describe("figures of the capacity guide", () => {
  it("a rate takes twice the cores that it would fill", () => {
    const text = capacityText({ soak })

    assert.include(text, "| Redis, from enqueue to end | 10 000 | 20 000 | *not measured yet* |")
    assert.include(text, "| 100 000 | 10 | 5 | 4 | 400 |")
  })

  it("memory is that of the jobs, in GiB", () => {
    assert.include(capacityText({ bench: memory(0) }), "| 10 | 10.0 GiB | *not measured yet* | *not measured yet* |")
  })

  it("without figures nothing is made up", () => {
    assert.notMatch(capacityText({}), /\| [\d*]*\d/)
  })

  it("a disturbed row and a run that failed say so", () => {
    assert.include(capacityText({ bench: memory(0.5) }), "disturbed by other processes")
    assert.notInclude(capacityText({ bench: memory(0) }), "disturbed")
    assert.include(capacityText({ soak: { ...soak, passed: false } }), "| **no** |")
  })

  it("figures of two machines carry a warning", () => {
    const bench = { ...memory(0), machine: { ...machine, cpu: "another" } }

    assert.include(capacityText({ bench, soak }), "Two machines")
    assert.notInclude(capacityText({ bench: memory(0), soak }), "Two machines")
  })
})
