import type { Placement } from "./Scenario.mts"
import type { Summary } from "./statistics.mts"

export const fixed = (value: number, digits: number): string => (Number.isNaN(value) ? "-" : value.toFixed(digits))

/** A figure with as many digits as it deserves. */
export const shown = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en-US").replaceAll(",", " ") : fixed(value, value >= 10 ? 1 : 2)

/** A median with its spread. */
export const spread = ({ max, median, min }: Summary): string =>
  Number.isNaN(median) ? "-" : `${shown(median)} (${shown(min)} - ${shown(max)})`

export const placementText = (placement: Placement): string =>
  placement === "free" ? "free" : "client and Redis pinned to core 0"

/** Lines of cells in columns; `right` says which are numbers. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>, right: ReadonlyArray<number>): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
