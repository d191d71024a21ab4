import { writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { chartOf } from "./lib/chart.mts"
import type { Contender } from "./lib/Contender.mts"
import { installPeers, versions } from "./lib/install.mts"
import { type Machine, machineOf, machineText } from "./lib/Machine.mts"
import { disturbedFrom, idleMachine } from "./lib/machine-load.mts"
import type { Measurement, MeasurementRequest } from "./lib/Measurement.mts"
import { contenderNames, loadContender, loadScenario, scenarioNames } from "./lib/registry.mts"
import { type BenchReport, reportScenario, type Round, type ScenarioReport } from "./lib/report.mts"
import { commandsText, reportText } from "./lib/report-text.mts"
import { runChild } from "./lib/run-child.mts"
import type { Placement, Scenario } from "./lib/Scenario.mts"
import { summaryText } from "./lib/summary.mts"

const usage = `Usage: npm run bench -- [scenario...] [options]

Runs winterq and its peers on one machine, each measurement in a fresh process, contenders taking turns.

  --quick             one round, fewer jobs
  --rounds N          measurements per contender; 3, or 1 with --quick or --profile
  --contender NAME    only this one; may be repeated
  --free, --pinned    only where the system places client and Redis, or only where they share core 0 (needs taskset)
  --both              each scenario free and pinned; left out, as each scenario says
  --quiet             waits for an idle machine, and repeats what other processes disturbed
  --commands          Redis commands per job, from INFO commandstats
  --profile           CPU profile of the measured part into bench/profiles, and its summary
  --json FILE         every figure
  --chart FILE        a chart, as SVG; bench/chart.mts makes it from the figures
  --list              names the scenarios

BENCH_JOBS replaces the number of jobs. Scenarios: ${scenarioNames().join(", ")}.
Contenders: ${contenderNames().join(", ")}.`

const usualTimeoutMillis = 180_000
const patienceMillis = 60_000
const repeats = 5

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    contender: { type: "string", multiple: true },
    quick: { type: "boolean", default: false },
    free: { type: "boolean", default: false },
    pinned: { type: "boolean", default: false },
    both: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    commands: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    json: { type: "string" },
    chart: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false }
  }
})

const fail = (message: string): never => {
  console.error(message)
  process.exit(2)
}

const chosen = (what: string, wanted: ReadonlyArray<string>, known: ReadonlyArray<string>) => {
  for (const name of wanted) if (!known.includes(name)) fail(`no ${what} ${name}; there are ${known.join(", ")}`)
  return wanted.length === 0 ? known : wanted
}

const positiveInteger = (what: string, given: string | undefined): number | undefined => {
  if (given === undefined || given === "") return undefined
  const value = Number(given)
  return Number.isInteger(value) && value > 0 ? value : fail(`${what} must be a positive integer, not ${given}`)
}

if (options.help || options.list) {
  console.log(options.help ? usage : scenarioNames().join("\n"))
  process.exit(0)
}

const scenarios = chosen("scenario", positionals, scenarioNames())
// winterq first, so that every later contender has its pair
const contenders = chosen("contender", options.contender ?? [], contenderNames()).toSorted(
  (a, b) => Number(b === "winterq") - Number(a === "winterq") || a.localeCompare(b)
)
const roundsWanted = positiveInteger("--rounds", options.rounds) ?? (options.profile || options.quick ? 1 : undefined)
const usualRounds = 3
const jobsWanted = positiveInteger("BENCH_JOBS", process.env["BENCH_JOBS"])

installPeers()
// need what was just installed
const { startBenchRedis } = await import("./lib/redis.mts")
const { summarizeProfile } = await import("./lib/profile.mts")

const placementsOf = ({ placements }: Scenario): ReadonlyArray<Placement> => {
  if (options.both || (options.free && options.pinned)) return ["free", "pinned"]
  if (options.free) return ["free"]
  return options.pinned ? ["pinned"] : placements
}

const jobsOf = ({ jobs, quickJobs, scales }: Scenario): number => {
  if (scales && jobsWanted !== undefined) return jobsWanted
  return options.quick ? (quickJobs ?? Math.ceil(jobs / 4)) : jobs
}

const measure = async (
  request: MeasurementRequest,
  placement: Placement,
  timeoutMillis: number
): Promise<Measurement> => {
  if (!options.quiet) return runChild(request, placement, timeoutMillis)
  for (let attempt = 1; ; attempt++) {
    await idleMachine(patienceMillis)
    const measurement = await runChild(request, placement, timeoutMillis)
    if (measurement.otherCores < disturbedFrom || attempt === repeats) return measurement
  }
}

const profileOf = (scenario: string, placement: Placement, contender: string) =>
  fileURLToPath(new URL(`./profiles/${scenario}-${placement}-${contender}.cpuprofile`, import.meta.url))

const libraries: Record<string, Contender> = {}
for (const name of contenders) libraries[name] = await loadContender(name)

/** Which contenders take part, and what is said of the others. */
const fieldOf = ({ mode = "plain", only }: Scenario) => {
  const asked = contenders.filter((name) => only?.includes(name) ?? true)
  const absent = asked.filter((name) => !libraries[name]!.modes.includes(mode))
  return {
    present: asked.filter((name) => !absent.includes(name)),
    absent: Object.fromEntries(absent.map((name) => [name, libraries[name]!.remarks?.[mode] ?? "not offered"]))
  }
}

let failures = 0

const runScenario = async (name: string, scenario: Scenario, placement: Placement): Promise<ScenarioReport> => {
  const redis = await startBenchRedis(placement)
  try {
    const jobs = jobsOf(scenario)
    const { absent, present } = fieldOf(scenario)
    const rounds = roundsWanted ?? scenario.usualRounds ?? usualRounds
    const measured: Array<Round> = []
    for (let round = 1; round <= rounds; round++) {
      const measurements: Record<string, Measurement | undefined> = {}
      for (const contender of present) {
        const { share = 1, usualRounds: itsRounds = rounds } = libraries[contender]!
        if (round > (roundsWanted ?? itsRounds)) continue
        const request = {
          scenario: name,
          contender,
          target: redis.target,
          jobs: scenario.scales ? Math.ceil(jobs * share) : jobs,
          ...(options.profile ? { profile: profileOf(name, placement, contender) } : {})
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
const started = performance.now()
for (const name of scenarios) {
  const scenario = await loadScenario(name)
  for (const placement of placementsOf(scenario)) {
    const report = await runScenario(name, scenario, placement)
    reports.push(report)
    console.log(reportText(report))
    for (const [contender, last] of Object.entries(report.rounds.at(-1) ?? {})) {
      if (last === undefined) continue
      if (options.commands) console.log(commandsText(contender, last))
      if (options.profile) console.log(await summarizeProfile(profileOf(name, placement, contender)))
    }
    console.log()
  }
}
console.log(`${summaryText(reports)}\n\ntook ${((performance.now() - started) / 60_000).toFixed(1)} minutes`)

const report: BenchReport = { machine, rounds: roundsWanted ?? usualRounds, guarantees, reports }
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`)
if (options.chart !== undefined) await writeFile(options.chart, chartOf(report))
process.exitCode = failures === 0 ? 0 : 1
