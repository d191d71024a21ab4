import { parseArgs } from "node:util"
import { contenderNames, scenarioNames } from "./registry.mts"
import type { Placement, Scenario } from "./Scenario.mts"

const usage = `Usage: npm run bench -- [scenario...] [options]

Runs winterq and its peers on one machine, each measurement in a fresh process, contenders taking turns.

  --quick             one round, fewer jobs
  --rounds N          measurements per contender; 3, or 2 for what takes long or has no goal, or 1
                      with --quick or --profile
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

/** What the command line and the environment ask for. */
export interface Asked {
  readonly scenarios: ReadonlyArray<string>
  /** winterq first, and the floor, which is none of them, last. */
  readonly contenders: ReadonlyArray<string>
  /** None: as scenarios and contenders say. */
  readonly rounds: number | undefined
  readonly quiet: boolean
  readonly commands: boolean
  readonly profile: boolean
  readonly json: string | undefined
  readonly chart: string | undefined
  readonly placementsOf: (scenario: Scenario) => ReadonlyArray<Placement>
  readonly jobsOf: (scenario: Scenario) => number
}

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

const rankOf = (contender: string) => (contender === "winterq" ? 0 : contender === "floor" ? 2 : 1)

/** Reads them, or prints what was asked, or what is wrong, and ends the process. */
export const readCommandLine = (): Asked => {
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
  if (options.help || options.list) {
    console.log(options.help ? usage : scenarioNames().join("\n"))
    process.exit(0)
  }
  const { both, free, pinned, quick } = options
  const jobsWanted = positiveInteger("BENCH_JOBS", process.env["BENCH_JOBS"])
  return {
    scenarios: chosen("scenario", positionals, scenarioNames()),
    contenders: chosen("contender", options.contender ?? [], contenderNames()).toSorted(
      (a, b) => rankOf(a) - rankOf(b) || a.localeCompare(b)
    ),
    rounds: positiveInteger("--rounds", options.rounds) ?? (options.profile || quick ? 1 : undefined),
    quiet: options.quiet,
    commands: options.commands,
    profile: options.profile,
    json: options.json,
    chart: options.chart,
    placementsOf: ({ placements }) => {
      if (both || (free && pinned)) return ["free", "pinned"]
      if (free) return ["free"]
      return pinned ? ["pinned"] : placements
    },
    jobsOf: ({ jobs, quickJobs, scales }) => {
      if (scales && jobsWanted !== undefined) return jobsWanted
      return quick ? (quickJobs ?? Math.ceil(jobs / 4)) : jobs
    }
  }
}
