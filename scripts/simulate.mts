// Runs simulated histories of workers, producers and an operator on one memory backend, with every kind of fault, and
// judges each by the invariants. docs/guarantees.md says what they stand for.
//
//   node scripts/simulate.mts --runs 10000       seeds 1 to 10000, shared out to one process per core
//   node scripts/simulate.mts --seed 42          one seed; the same again, always
//     --from 1                                   the first seed
//     --processes 2
//     --with workers=1,calls.lost=0              other numbers than the seed says; what a shrunk run prints
//   node scripts/simulate.mts --planted          bugs planted in copies of the sources: each must be found
//     --stop                                     end with the first broken seed, and say no more than what broke
//     --history                                  with --seed: all that happened, one event a line
import { fork } from "node:child_process"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { check, excerpt } from "../test/support/history/check.ts"
import { simulate } from "../test/support/simulator/simulate.ts"
import { shrink, Tally } from "../test/support/simulator/Tally.ts"

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    processes: { type: "string", default: String(availableParallelism()) },
    with: { type: "string", default: "" },
    stop: { type: "boolean", default: false },
    planted: { type: "boolean", default: false },
    history: { type: "boolean", default: false },
    part: { type: "boolean", default: false }
  }
})

const whole = (name: "runs" | "from" | "seed" | "processes"): number => {
  const number = Number(values[name])
  if (Number.isSafeInteger(number) && number >= 0) return number
  console.error(`--${name} must be a whole number, not ${values[name]}`)
  process.exit(2)
}

const changes = Object.fromEntries(
  values.with.split(",").flatMap((pair) => {
    const [path = "", value] = pair.split("=")
    return path === "" ? [] : [[path, Number(value)]]
  })
)

const thousands = (count: number): string => count.toLocaleString("en-US").replaceAll(",", " ")

const row = (name: string, count: number, note = "") =>
  console.log(`  ${name.padEnd(44)}${thousands(count).padStart(14)}${note === "" ? "" : `   ${note}`}`)

const print = (tally: Tally, since: number) => {
  const { figures, failed, faults, checked } = tally
  const of = (name: string) => figures[name] ?? 0
  const violations = failed.reduce((sum, { violations }) => sum + violations.length, 0)
  console.log("\nhistories")
  row("histories", tally.histories)
  row("events written down", tally.events)
  console.log("jobs")
  row("accepted", of("accepted"))
  row("completed", of("completed"))
  row("dead letters", of("dead"))
  row("cancelled or expired", of("cancelled"))
  row("lost", tally.lost)
  row("found stored when enqueued again", of("repeatedEnqueues"))
  row("workflows", of("workflows"))
  console.log("attempts")
  row("handed out", of("attempts"))
  row("handlers started", of("runs"))
  row("  again after a failure, snooze or release", of("rerunsAskedFor"))
  row("  again after a lease had expired", of("rerunsAfterRescue"))
  row("  again after a redrive or a new enqueue", of("rerunsAnew"))
  row("  again for no reason", of("duplicated"))
  row("at once, the first one's lease over", of("overlaps"))
  row("leases taken back", of("rescued"))
  row("stale writes refused", of("staleRefused"))
  console.log("faults")
  for (const [kind, count] of Object.entries(faults).toSorted(([a], [b]) => (a < b ? -1 : 1))) row(kind, count)
  console.log("comparisons, by invariant")
  for (const [id, count] of Object.entries(checked)) row(id, count, count === 0 ? "does not apply here" : "")
  row("violations", violations)
  console.log(`elapsed ${((Date.now() - since) / 1000).toFixed(1)} s`)
}

/** What broke in a seed, what of it is needed for that, and what happened to the jobs it is about. */
const explain = (seed: number, changes: Readonly<Record<string, number>>) => {
  const { violations } = check(simulate(seed, changes).history)
  if (violations.length === 0) return
  const broken = new Set(violations.map(({ invariant }) => invariant))
  const kept = Object.keys(changes).length > 0 ? changes : shrink(seed, broken)
  const { history } = simulate(seed, kept)
  const left = check(history).violations
  for (const { invariant, jobs, message } of left.slice(0, 20)) {
    console.log(`${invariant} ${jobs.join(", ")} ${message.length > 500 ? `${message.slice(0, 500)}...` : message}`)
  }
  const about = left.find(({ jobs }) => jobs.length > 0)?.jobs ?? []
  if (about.length > 0) console.log(`\n${about.join(" and ")}:\n${excerpt(history, about)}`)
  const pairs = Object.entries(kept).map(([path, value]) => `${path}=${value}`)
  const rest = pairs.length === 0 ? "" : ` --with ${pairs.join(",")}`
  console.log(`\nagain: node scripts/simulate.mts --seed ${seed}${rest}`)
}

const runOne = (seed: number) => {
  const since = Date.now()
  const tally = new Tally()
  tally.run(seed, changes)
  if (values.history) for (const event of simulate(seed, changes).history.events) console.log(JSON.stringify(event))
  console.log(`seed ${seed}`)
  print(tally, since)
  explain(seed, changes)
  process.exitCode = tally.failed.length > 0 ? 1 : 0
}

/** How many seeds a process runs before it tells of them. */
const stretch = 25

const runPart = (from: number, runs: number) => {
  process.on("disconnect", () => process.exit())
  for (let first = from; first < from + runs; first += stretch) {
    const tally = new Tally()
    for (let seed = first; seed < Math.min(first + stretch, from + runs); seed++) tally.run(seed, changes)
    process.send!({ ...tally })
  }
  // what was sent goes first
  process.send!("done", () => process.exit())
}

const runMany = async (from: number, runs: number, processes: number) => {
  const since = Date.now()
  const tally = new Tally()
  let told = since
  const share = Math.ceil(runs / processes)
  const parts = Array.from({ length: processes }, (_, i) => {
    const first = from + i * share
    const count = Math.min(share, from + runs - first)
    return new Promise<void>((resolve, reject) => {
      if (count <= 0) return resolve()
      const args = ["--part", "--from", String(first), "--runs", String(count), "--with", values.with]
      const child = fork(import.meta.filename, args, { serialization: "advanced" })
      child.on("message", (part) => {
        if (part === "done") return
        tally.add(part as Tally)
        for (const { seed, violations } of (part as Tally).failed) {
          console.log(`seed ${seed} broke ${[...new Set(violations.map(({ invariant }) => invariant))].join(", ")}`)
        }
        if (Date.now() - told < 5000) return
        told = Date.now()
        const seconds = ((told - since) / 1000).toFixed(0)
        console.log(
          `${thousands(tally.histories)} of ${thousands(runs)} histories, ${tally.failed.length} broken, ${seconds} s`
        )
      })
      child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with code ${code}`))))
    })
  })
  console.log(`seeds ${from} to ${from + runs - 1}, ${processes} processes`)
  await Promise.all(parts)
  print(tally, since)
  const [worst] = tally.failed.toSorted((a, b) => a.seed - b.seed)
  if (worst !== undefined) {
    console.log(
      `\nbroken seeds: ${tally.failed
        .map(({ seed }) => seed)
        .toSorted((a, b) => a - b)
        .join(" ")}`
    )
    console.log(`\nseed ${worst.seed}, with what it needs to break:`)
    explain(worst.seed, changes)
  }
  const { missing } = tally
  // fewer runs may well miss something
  if (runs >= 1000 && missing.length > 0) console.log(`never happened: ${missing.join(", ")}`)
  process.exitCode = tally.failed.length > 0 || tally.lost !== 0 || (runs >= 1000 && missing.length > 0) ? 1 : 0
}

const runUntilBroken = (from: number, runs: number) => {
  const tally = new Tally()
  for (let seed = from; seed < from + runs && tally.failed.length === 0; seed++) tally.run(seed, changes)
  for (const { seed, violations } of tally.failed) {
    console.log(`seed ${seed}: ${[...new Set(violations.map(({ invariant }) => invariant))].join(" ")}`)
    for (const { invariant, jobs, message } of violations.slice(0, 5)) {
      console.log(`${invariant} ${jobs.join(", ")} ${message.slice(0, 200)}`)
    }
  }
  process.exitCode = tally.failed.length > 0 ? 1 : 0
}

const runPlanted = async (runs: number, processes: number) => {
  const { findPlanted, planted } = await import("../test/support/simulator/planted.ts")
  const left = [...planted]
  let missed = 0
  const work = async () => {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) {
      const [found = ""] = (await findPlanted(bug, runs)).split("\n")
      const isFound = found.split(/[ :]+/).includes(bug.breaks)
      if (!isFound) missed++
      console.log(`${isFound ? "found" : "MISSED"}  ${bug.name}: ${found === "" ? "no seed broke" : found}`)
    }
  }
  await Promise.all(Array.from({ length: processes }, work))
  console.log(`${planted.length - missed} of ${planted.length} planted bugs found`)
  process.exitCode = missed === 0 ? 0 : 1
}

if (values.planted) await runPlanted(whole("runs"), Math.max(1, whole("processes")))
else if (values.stop) runUntilBroken(whole("from"), whole("runs"))
else if (values.part) runPart(whole("from"), whole("runs"))
else if (values.seed === undefined) await runMany(whole("from"), whole("runs"), Math.max(1, whole("processes")))
else runOne(whole("seed"))
