import { writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { installPeers, versions } from "./lib/install.mts"
import { contenderNames, loadScenario, scenarioNames } from "./lib/registry.mts"
import type { Machine, Round, ScenarioReport } from "./lib/report.mts"
import { commandsText, machineOf, machineText, reportScenario, reportText } from "./lib/report.mts"
import { runChild } from "./lib/run-child.mts"
import { disturbedFrom, idleMachine } from "./lib/machine-load.mts"
import type { Measurement, MeasurementRequest } from "./lib/Measurement.mts"
import type { Placement } from "./lib/Scenario.mts"

const usage = `Usage: npm run bench -- [scenario...] [options]

Runs winterq and its peers on one machine, each measurement in a fresh process, contenders taking turns.

  --rounds N          measurements per contender; 5, or 1 with --profile
  --contender NAME    only this one; may be repeated
  --pinned            client and Redis share core 0 (needs taskset)
  --both              each scenario free, then pinned
  --quiet             waits for an idle machine, and repeats what other processes disturbed
  --commands          Redis commands per job, from INFO commandstats
  --profile           CPU profile of the measured part into bench/profiles, and its summary
  --json FILE         every figure
  --list              names the scenarios

BENCH_JOBS replaces the number of jobs. Scenarios: ${scenarioNames().join(", ")}.
Contenders: ${contenderNames().join(", ")}.`

const childTimeoutMillis = 180_000
const patienceMillis = 60_000
const repeats = 5

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    contender: { type: "string", multiple: true },
    pinned: { type: "boolean", default: false },
    both: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    commands: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    json: { type: "string" },
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
const rounds = positiveInteger("--rounds", options.rounds) ?? (options.profile ? 1 : 5)
const jobsWanted = positiveInteger("BENCH_JOBS", process.env["BENCH_JOBS"])
const placements: ReadonlyArray<Placement> = options.both ? ["free", "pinned"] : [options.pinned ? "pinned" : "free"]

installPeers()
// needs what was just installed
const { startBenchRedis } = await import("./lib/redis.mts")
const { summarizeProfile } = await import("./lib/profile.mts")

const measureOnce = (request: MeasurementRequest, placement: Placement) =>
  runChild(request, placement, childTimeoutMillis)

const measureQuietly = async (request: MeasurementRequest, placement: Placement): Promise<Measurement> => {
  for (let attempt = 1; ; attempt++) {
    await idleMachine(patienceMillis)
    const measurement = await measureOnce(request, placement)
    if (measurement.otherCores < disturbedFrom || attempt === repeats) return measurement
  }
}

const measure = options.quiet ? measureQuietly : measureOnce

let machine: Machine | undefined
let failures = 0
const reports: Array<ScenarioReport> = []

for (const placement of placements) {
  const redis = await startBenchRedis(placement)
  try {
    if (machine === undefined) {
      machine = machineOf(redis.version, versions())
      console.log(`${machineText(machine)}\n`)
    }
    for (const name of scenarios) {
      const scenario = await loadScenario(name)
      const jobs = scenario.scales ? (jobsWanted ?? scenario.jobs) : scenario.jobs
      const profileOf = (contender: string) =>
        fileURLToPath(new URL(`./profiles/${name}-${placement}-${contender}.cpuprofile`, import.meta.url))
      const measured: Array<Round> = []
      for (let round = 1; round <= rounds; round++) {
        const measurements: Record<string, Measurement | undefined> = {}
        for (const contender of contenders) {
          const request = { scenario: name, contender, target: redis.target, jobs }
          measurements[contender] = await measure(
            options.profile ? { ...request, profile: profileOf(contender) } : request,
            placement
          ).catch((error: Error) => {
            failures++
            console.error(`${name}, ${contender}, round ${round}: ${error.message}`)
            return undefined
          })
        }
        measured.push(measurements)
      }
      const report = reportScenario(name, scenario, placement, jobs, contenders, measured)
      reports.push(report)
      console.log(reportText(report, contenders))
      for (const contender of contenders) {
        const last = measured.at(-1)?.[contender]
        if (options.commands && last !== undefined) console.log(commandsText(contender, last))
        if (options.profile && last !== undefined) console.log(await summarizeProfile(profileOf(contender)))
      }
      console.log()
    }
  } finally {
    await redis.stop()
  }
}

if (options.json !== undefined) {
  await writeFile(options.json, `${JSON.stringify({ machine, rounds, reports }, null, 2)}\n`)
}
process.exitCode = failures === 0 ? 0 : 1
