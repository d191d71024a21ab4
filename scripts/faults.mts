// A long run under random faults on a real Redis: nothing may be lost, and nothing repeated beyond what is promised.
//
//   npm run test:faults                       ten minutes
//   npm run test:faults -- --minutes 2        another bound
//   npm run test:faults -- --seed 7           the same plan again
//
// Ends with exit code 1 when anything breaks the promise. test/faults/README.md tells what is injected and checked.
import { faultNames, type FaultName } from "../test/faults/long/plan.ts"
import { runFaults } from "../test/faults/long/run.ts"

const given = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? undefined : process.argv[at + 1]
}

const number = (name: string, otherwise: number): number => {
  const value = Number(given(name) ?? otherwise)
  if (!Number.isFinite(value) || value < 0) {
    console.error(`--${name} must be a number, not ${given(name)}`)
    process.exit(2)
  }
  return value
}

const minutes = number("minutes", 10)
const seed = number("seed", Math.floor(Math.random() * 2 ** 31))
const startedAt = Date.now()
const say = (line: string) => console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`)

// for whatever holds on longer than anything here may
const bound = setTimeout(
  () => {
    console.log(`not done ${minutes + 5} minutes after the start; seed ${seed}`)
    process.exit(1)
  },
  (minutes + 5) * 60_000
)

const { faults, figures, violations } = await runFaults({
  seed,
  millis: minutes * 60_000,
  workers: number("workers", 3),
  producers: number("producers", 2),
  say
})
clearTimeout(bound)

/** A run of some length in which these never happened has proved little. */
const expected = [
  "leases taken back",
  "stale writes refused",
  "accepted, after an unknown outcome",
  "duplicates",
  "dead"
]
const missing = minutes < 3 ? [] : expected.filter((name) => figures[name] === 0)

console.log("\nfaults")
for (const name of Object.keys(faultNames) as ReadonlyArray<FaultName>) {
  console.log(`  ${faultNames[name]} ${name.padEnd(20)} ${String(faults[name] ?? 0).padStart(6)}`)
}
console.log("\nfigures")
for (const [name, figure] of Object.entries(figures)) console.log(`  ${name.padEnd(40)} ${String(figure).padStart(8)}`)
for (const violation of violations.slice(0, 50)) console.log(`VIOLATION ${violation}`)
for (const name of missing) console.log(`NEVER SEEN ${name}`)
console.log(`\nseed ${seed}: ${violations.length} violations, ${missing.length} never seen`)
process.exit(violations.length + missing.length === 0 ? 0 : 1)
