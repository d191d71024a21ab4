import { writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { chartOf } from "./lib/chart.mts"
import { readCommandLine } from "./lib/command-line.mts"
import type { Contender } from "./lib/Contender.mts"
import { installPeers, versions } from "./lib/install.mts"
import { type Machine, machineOf, machineText } from "./lib/Machine.mts"
import { disturbedFrom, idleMachine } from "./lib/machine-load.mts"
import type { Measurement, MeasurementRequest } from "./lib/Measurement.mts"
import { loadContender, loadScenario } from "./lib/registry.mts"
import { type BenchReport, reportScenario, type Round, type ScenarioReport } from "./lib/report.mts"
import { commandsText, reportText } from "./lib/report-text.mts"
import { runChild } from "./lib/run-child.mts"
import type { Placement, Scenario } from "./lib/Scenario.mts"
import { summaryText } from "./lib/summary.mts"

const usualRounds = 3
const usualTimeoutMillis = 180_000
const patienceMillis = 60_000
const repeats = 5

const asked = readCommandLine()

installPeers()
// need what was just installed
const { startBenchRedis } = await import("./lib/redis.mts")
const { summarizeProfile } = await import("./lib/profile.mts")

const measure = async (
  request: MeasurementRequest,
  placement: Placement,
  timeoutMillis: number
): Promise<Measurement> => {
  if (!asked.quiet) return runChild(request, placement, timeoutMillis)
  for (let attempt = 1; ; attempt++) {
    await idleMachine(patienceMillis)
    const measurement = await runChild(request, placement, timeoutMillis)
    if (measurement.otherCores < disturbedFrom || attempt === repeats) return measurement
  }
}

const profileOf = (scenario: string, placement: Placement, contender: string) =>
  fileURLToPath(new URL(`./profiles/${scenario}-${placement}-${contender}.cpuprofile`, import.meta.url))

const libraries: Record<string, Contender> = {}
for (const name of asked.contenders) libraries[name] = await loadContender(name)

/** Which contenders take part, and what is said of the others. */
const fieldOf = ({ mode = "plain", only }: Scenario) => {
  const meant = asked.contenders.filter((name) => only?.includes(name) ?? true)
  const absent = meant.filter((name) => !libraries[name]!.modes.includes(mode))
  return {
    present: meant.filter((name) => !absent.includes(name)),
    absent: Object.fromEntries(absent.map((name) => [name, libraries[name]!.remarks?.[mode] ?? "not offered"]))
  }
}

let failures = 0

const runScenario = async (name: string, scenario: Scenario, placement: Placement): Promise<ScenarioReport> => {
  const redis = await startBenchRedis(placement)
  try {
    const jobs = asked.jobsOf(scenario)
    const { absent, present } = fieldOf(scenario)
    const rounds = asked.rounds ?? scenario.usualRounds ?? usualRounds
    const measured: Array<Round> = []
    for (let round = 1; round <= rounds; round++) {
      const measurements: Record<string, Measurement | undefined> = {}
      for (const contender of present) {
        const { share = 1, usualRounds: itsRounds = rounds } = libraries[contender]!
        if (round > (asked.rounds ?? itsRounds)) continue
        const request = {
          scenario: name,
          contender,
          target: redis.target,
          jobs: scenario.scales ? Math.ceil(jobs * share) : jobs,
          ...(asked.profile ? { profile: profileOf(name, placement, contender) } : {})
        }
        const timeoutMillis = scenario.timeoutMillis ?? usualTimeoutMillis
        measurements[contender] = await measure(request, placement, timeoutMillis).catch((error: Error) => {
          failures++
          console.error(`${name}, ${contender}, round ${round}: ${error.message}`)
          return undefined
        })
      }
      measured.push(measurements)
    }
    return reportScenario(name, scenario, placement, jobs, present, absent, measured)
  } finally {
    await redis.stop()
  }
}

const redisVersion = async () => {
  const redis = await startBenchRedis("free")
  await redis.stop()
  return redis.version
}

const machine: Machine = machineOf(await redisVersion(), versions())
const guarantees = Object.fromEntries(Object.entries(libraries).map(([name, library]) => [name, library.guarantees]))
console.log(`${machineText(machine)}\n`)
for (const [name, text] of Object.entries(guarantees)) console.log(`${name}: ${text}`)
console.log()

const reports: Array<ScenarioReport> = []

/** After each row, so that a run that is cut short leaves its figures. */
const writeFiles = async () => {
  const report: BenchReport = { machine, rounds: asked.rounds ?? usualRounds, guarantees, reports }
  if (asked.json !== undefined) await writeFile(asked.json, `${JSON.stringify(report, null, 2)}\n`)
  if (asked.chart !== undefined) await writeFile(asked.chart, chartOf(report))
}

const started = performance.now()
for (const name of asked.scenarios) {
  const scenario = await loadScenario(name)
  for (const placement of asked.placementsOf(scenario)) {
    const report = await runScenario(name, scenario, placement)
    reports.push(report)
    console.log(reportText(report))
    await writeFiles()
    for (const contender of asked.contenders) {
      const last = report.rounds.findLast((round) => round[contender] !== undefined)?.[contender]
      if (last === undefined) continue
      if (asked.commands) console.log(commandsText(contender, last))
      if (asked.profile) console.log(await summarizeProfile(profileOf(name, placement, contender)))
    }
    console.log()
  }
}
console.log(`${summaryText(reports)}\n\ntook ${((performance.now() - started) / 60_000).toFixed(1)} minutes`)

process.exitCode = failures === 0 ? 0 : 1
