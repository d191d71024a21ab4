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

const missing = "*not measured yet*"

/** The part of a core, of a worker process or of Redis, that a plan uses. */
const use = 0.5
const targetRates = [1000, 10_000, 50_000, 100_000, 500_000]
const millions = [1, 10, 100]

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [
    `| ${head.join(" | ")} |`,
    `|${"---|".repeat(head.length)}`,
    ...rows.map((cells) => `| ${cells.join(" | ")} |`)
  ].join("\n")

const scenarioOf = ({ bench }: Sources, name: string): ScenarioReport | undefined =>
  bench?.reports.find(({ placement, scenario }) => scenario === name && placement === "free")

const measurementsOf = (report: ScenarioReport | undefined): ReadonlyArray<Measurement> =>
  (report?.rounds ?? []).flatMap((round) => round[subject] ?? [])

const summaryOf = (sources: Sources, scenario: string, metric: string): Summary | undefined =>
  scenarioOf(sources, scenario)?.metrics.find((report) => report.metric === metric)?.contenders[subject]

const noteOf = (measured: ReadonlyArray<{ readonly otherCores: number }>) =>
  measured.some(({ otherCores }) => otherCores >= disturbedFrom) ? ", disturbed by other processes" : ""

const benchCommand = (scenario: string) => `\`npm run bench -- ${scenario}\``

const metricRow =
  (sources: Sources) =>
  (what: string, scenario: string, metric: string, unit: string): ReadonlyArray<string> => {
    const summary = summaryOf(sources, scenario, metric)
    const note = noteOf(measurementsOf(scenarioOf(sources, scenario)))
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

const soakTable = ({ cost, latency, minutes, passed, peak, rate, table: rows }: SoakReport) =>
  table(
    ["measured over a long run", "at half the peak"],
    [
      ["peak of a producer and a worker, with the mix", `${shown(peak)} jobs/s`],
      ["rate held, and for how long", `${shown(rate)} jobs/s, ${minutes} minutes${noteOf(rows)}`],
      [
        "planned enqueue to start",
        `p50 ${shown(latency.p50)} ms, p99 ${shown(latency.p99)} ms, most ${shown(latency.max)} ms`
      ],
      ["CPU per job: producer", `${shown(cost.producerMicros)} us`],
      ["CPU per job: worker", `${shown(cost.workerMicros)} us`],
      ["CPU per job: Redis", `${shown(cost.redisMicros)} us`],
      ["network per job, to Redis and back", `${shown(cost.inBytes)} and ${shown(cost.outBytes)} bytes`],
      ["flat, nothing lost, nothing twice", passed ? "yes" : "**no**"]
    ]
  )

/** CPU time per job of the fastest runs, where batches are full; not a number when it was not measured. */
const microsIn = (sources: Sources, scenario: string, valueOf: (measurement: Measurement) => number) =>
  summarize(measurementsOf(scenarioOf(sources, scenario)).map(valueOf)).median

const coresTable = (sources: Sources, { cost }: SoakReport) => {
  const client = (scenario: string) => microsIn(sources, scenario, ({ clientMicrosPerJob }) => clientMicrosPerJob)
  const redis = (scenario: string) => microsIn(sources, scenario, ({ redisMicrosPerJob }) => redisMicrosPerJob)
  const [enqueue, process] = ["enqueue-100-in-flight", "process-100"] as const
  const row = (what: string, micros: number, microsLoaded: number) => [
    what,
    shown((use * 1e6) / micros),
    shown(1e6 / micros),
    Number.isNaN(microsLoaded) ? missing : shown(1e6 / microsLoaded)
  ]
  return table(
    [
      "jobs/s that a core carries",
      "half of it, as planned with",
      "all of it, at the soak's cost",
      "at the benchmark's"
    ],
    [
      row("a worker process", cost.workerMicros, client(process)),
      row("a producer process", cost.producerMicros, client(enqueue)),
      row("Redis, from enqueue to end", cost.redisMicros, redis(enqueue) + redis(process))
    ]
  )
}

const ratesTable = ({ cost }: SoakReport) => {
  const processes = (rate: number, micros: number) => String(Math.ceil((rate * micros) / 1e6 / use))
  return table(
    ["jobs/s", "Redis masters = shards, at least", "worker processes", "producer processes", "network, Mbit/s"],
    targetRates.map((rate) => [
      shown(rate),
      processes(rate, cost.redisMicros),
      processes(rate, cost.workerMicros),
      processes(rate, cost.producerMicros),
      shown((rate * (cost.inBytes + cost.outBytes) * 8) / 1e6)
    ])
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
export const capacityText = (sources: Sources): string => {
  const { bench, soak } = sources
  return [
    machines(sources),
    "### Measured",
    benchTable(sources),
    "From `npm run soak -- --minutes 15 --json soak.json`:",
    soak === undefined ? missing : soakTable(soak),
    "### Extrapolated: rates",
    ...(soak === undefined ? [missing] : [coresTable(sources, soak), ratesTable(soak)]),
    "### Extrapolated: memory",
    bench === undefined ? missing : memoryTable(sources)
  ].join("\n\n")
}
