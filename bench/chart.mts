// Draws the chart of a run from its figures.
//
//   node bench/chart.mts out.json docs/images/bench.svg
import { readFile, writeFile } from "node:fs/promises"
import { chartOf } from "./lib/chart.mts"
import type { BenchReport } from "./lib/report.mts"

const [figures, chart] = process.argv.slice(2)
if (figures === undefined || chart === undefined) {
  console.error("Usage: node bench/chart.mts FIGURES.json CHART.svg")
  process.exit(2)
}
const report: BenchReport = JSON.parse(await readFile(figures, "utf8"))
await writeFile(chart, chartOf(report))
