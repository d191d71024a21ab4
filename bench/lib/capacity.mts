import type { SoakReport } from "../soak/SoakReport.mts"
import { type Machine, machineText } from "./Machine.mts"
import { disturbedFrom } from "./machine-load.mts"
import type { Measurement } from "./Measurement.mts"
import { type BenchReport, type ScenarioReport, subject } from "./report.mts"
import { type Summary, summarize } from "./statistics.mts"
import { shown, spread } from "./text.mts"

/** What the figures are made of; either may be missing. */
export interface Sources {
  readonly bench?: BenchReport
  readonly soak?: SoakReport
}

const missing = "not measured yet"

/** The part of a core, of a worker process or of Redis, that a plan uses. */
const use = 0.5
const targetRates = [1000, 10_000, 50_000, 100_000, 500_000]
const millions = [1, 10, 100]

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

const scenarioOf = ({ bench }: Sources, name: string): ScenarioReport | undefined =>
  bench?.reports.find(({ placement, scenario }) => scenario === name && placement === "free")

const measurementsOf = (report: ScenarioReport | undefined): ReadonlyArray<Measurement> =>
  (report?.rounds ?? []).flatMap((round) => round[subject] ?? [])

const summaryOf = (sources: Sources, scenario: string, metric: string): Summary | undefined =>
  scenarioOf(sources, scenario)?.metrics.find((report) => report.metric === metric)?.contenders[subject]

const isDisturbed = (report: ScenarioReport | undefined) =>
  measurementsOf(report).some(({ otherCores }) => otherCores >= disturbedFrom)

const benchCommand = (scenario: string) => `\`npm run bench -- ${scenario}\``

const metricRow =
  (sources: Sources) =>
  (what: string, scenario: string, metric: string, unit: string): ReadonlyArray<string> => {
    const summary = summaryOf(sources, scenario, metric)
    const note = isDisturbed(scenarioOf(sources, scenario)) ? ", disturbed by other processes" : ""
    return [what, summary === undefined ? missing : `${spread(summary)} ${unit}${note}`, benchCommand(scenario)]
  }

const costRow =
  (sources: Sources) =>
  (what: string, scenario: string): ReadonlyArray<string> => {
    const measurements = measurementsOf(scenarioOf(sources, scenario))
    const micros = (valueOf: (measurement: Measurement) => number) => shown(summarize(measurements.map(valueOf)).median)
    const client = micros(({ clientMicrosPerJob }) => clientMicrosPerJob)
    const redis = micros(({ redisMicrosPerJob }) => redisMicrosPerJob)
    return [
      what,
      measurements.length === 0 ? missing : `client ${client} us, Redis ${redis} us`,
      benchCommand(scenario)
    ]
  }

const benchTable = (sources: Sources) => {
  const metric = metricRow(sources)
  const cost = costRow(sources)
  return table(
    ["measured", "median (least - most)", "command"],
    [
      metric("one worker process, handlers of 0 ms", "process-100", "rate", "jobs/s"),
      metric("the same, handlers of 10 ms", "process-100-10ms", "rate", "jobs/s"),
      metric("two worker processes, one queue", "workers-2", "rate", "jobs/s"),
      metric("four worker processes, one queue", "workers-4", "rate", "jobs/s"),
      metric("one producer, a call after the other", "enqueue-one", "rate", "jobs/s"),
      metric("one producer, 100 calls in flight", "enqueue-100-in-flight", "rate", "jobs/s"),
      metric("one producer, `enqueueMany` of 1000", "enqueue-bulk-1000", "rate", "jobs/s"),
      metric("a producer and a worker together", "produce-and-consume", "rate", "jobs/s"),
      metric("enqueue to end of an idle worker, p50", "idle-latency", "p50", "ms"),
      metric("the same, p99", "idle-latency", "p99", "ms"),
      metric("memory per waiting job", "memory-waiting", "bytes", "bytes"),
      metric("memory per running job", "memory-active", "bytes", "bytes"),
      metric("memory per completed job that is kept", "memory-finished", "bytes", "bytes"),
      cost("CPU per job: enqueue, 100 in flight", "enqueue-100-in-flight"),
      cost("CPU per job: enqueue, `enqueueMany` of 1000", "enqueue-bulk-1000"),
      cost("CPU per job: process, as fast as it can", "process-100"),
      cost("CPU per job: produce and process together", "produce-and-consume")
    ]
  )
}

const soakTable = ({ soak }: Sources) => {
  const value = (text: (soak: SoakReport) => string) => (soak === undefined ? missing : text(soak))
  return table(
    ["measured over a long run", `at half the peak`],
    [
      ["peak of a producer and a worker, with the mix", value(({ peak }) => `${shown(peak)} jobs/s`)],
      ["rate held, and for how long", value(({ minutes, rate }) => `${shown(rate)} jobs/s, ${minutes} minutes`)],
      [
        "planned enqueue to start",
        value(
          ({ latency }) => `p50 ${shown(latency.p50)} ms, p99 ${shown(latency.p99)} ms, most ${shown(latency.max)} ms`
        )
      ],
      ["CPU per job: producer", value(({ cost }) => `${shown(cost.producerMicros)} us`)],
      ["CPU per job: worker", value(({ cost }) => `${shown(cost.workerMicros)} us`)],
      ["CPU per job: Redis", value(({ cost }) => `${shown(cost.redisMicros)} us`)],
      [
        "network per job, to Redis and back",
        value(({ cost }) => `${shown(cost.inBytes)} and ${shown(cost.outBytes)} bytes`)
      ],
      ["flat, nothing lost, nothing twice", value(({ passed }) => (passed ? "yes" : "**no**"))]
    ]
  )
}

const coresTable = ({ soak }: Sources) => {
  const jobs = (micros: (soak: SoakReport) => number, part: number) =>
    soak === undefined ? missing : shown((part * 1e6) / micros(soak))
  const row = (what: string, micros: (soak: SoakReport) => number) => [what, jobs(micros, 1), jobs(micros, use)]
  return table(
    ["jobs/s that a core carries", "in full use", "in half use, as planned with"],
    [
      row("a worker process", ({ cost }) => cost.workerMicros),
      row("a producer process", ({ cost }) => cost.producerMicros),
      row("Redis, from enqueue to end", ({ cost }) => cost.redisMicros)
    ]
  )
}

const ratesTable = ({ soak }: Sources) => {
  const processes = (rate: number, micros: number) => String(Math.ceil((rate * micros) / 1e6 / use))
  return table(
    ["jobs/s", "Redis masters = shards, at least", "worker processes", "producer processes", "network, Mbit/s"],
    targetRates.map((rate) => {
      if (soak === undefined) return [shown(rate), missing, missing, missing, missing]
      const { inBytes, outBytes, producerMicros, redisMicros, workerMicros } = soak.cost
      return [
        shown(rate),
        processes(rate, redisMicros),
        processes(rate, workerMicros),
        processes(rate, producerMicros),
        shown((rate * (inBytes + outBytes) * 8) / 1e6)
      ]
    })
  )
}

const memoryTable = (sources: Sources) => {
  const gibibytes = (scenario: string, million: number) => {
    const bytes = summaryOf(sources, scenario, "bytes")?.median
    return bytes === undefined ? missing : `${shown((bytes * million * 1e6) / 2 ** 30)} GiB`
  }
  return table(
    ["million jobs", "waiting", "running", "completed and kept"],
    millions.map((million) => [
      String(million),
      ...["memory-waiting", "memory-active", "memory-finished"].map((scenario) => gibibytes(scenario, million))
    ])
  )
}

const machines = ({ bench, soak }: Sources) => {
  const texts = [bench?.machine, soak?.machine].flatMap((machine: Machine | undefined) =>
    machine === undefined ? [] : [machineText({ ...machine, versions: {} }).replace("\n", "; ")]
  )
  const different = [...new Set(texts)]
  if (different.length === 0) return "No machine yet."
  const warning = different.length > 1 ? " **Two machines: do not compare their figures.**" : ""
  return `Machine: ${different.join(" / ")}.${warning}`
}

/** The figures and what follows from them, as Markdown. */
export const capacityText = (sources: Sources): string =>
  [
    machines(sources),
    "### Measured",
    benchTable(sources),
    `From \`npm run soak -- --minutes 15 --json soak.json\`:`,
    soakTable(sources),
    "### Extrapolated: rates",
    coresTable(sources),
    ratesTable(sources),
    "### Extrapolated: memory",
    memoryTable(sources)
  ].join("\n\n")
