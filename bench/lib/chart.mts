import type { BenchReport } from "./report.mts"
export const chartOf = (_: BenchReport): string => ""
