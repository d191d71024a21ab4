import { simulate } from "../test/support/simulator/simulate.ts"
import { check, excerpt } from "../test/support/history/check.ts"
const first = Number(process.argv[2] ?? 1)
const n = Number(process.argv[3] ?? 1)
const t = Date.now()
for (let seed = first; seed < first + n; seed++) {
  const { history, steps, swarm, faults } = simulate(seed)
  const report = check(history)
  if (n < 5) console.log(seed, steps, history.events.length, report.figures, faults)
  if (report.violations.length > 0) {
    console.log(
      seed,
      swarm.shuffles,
      swarm.yields,
      report.violations.slice(0, 5).map((v) => `${v.invariant} ${v.jobs.join(" ")} ${v.message.slice(0, 300)}`)
    )
    if (n < 2) console.log(excerpt(history, report.violations[0]!.jobs))
  }
}
console.log((Date.now() - t) / n, "ms per history")
