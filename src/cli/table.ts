import { displayWidth } from "effect/cli/CliOutput"

export interface Column {
  readonly title: string
  /** Numbers stand to the right. */
  readonly right?: boolean
  /** Gives way when the terminal is too narrow; one column at most. */
  readonly shrinks?: boolean
}

/** What a table may use. */
export interface TableStyle {
  readonly title: (text: string) => string
  /** Columns of the terminal; absent when lines may be as long as they are. */
  readonly width?: number
}

const gap = "  "
const leastWidth = 8

const shorten = (text: string, width: number): string => {
  if (displayWidth(text) <= width) return text
  let kept = ""
  for (const letter of text) {
    if (displayWidth(kept + letter) > width - 1) break
    kept += letter
  }
  return `${kept}…`
}

/** Rows under titles, each column as wide as its widest cell. Cells may be coloured. */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  style: TableStyle
): string => {
  const widths = columns.map(({ title }, i) =>
    Math.max(displayWidth(title), ...rows.map((row) => displayWidth(row[i] ?? "")))
  )
  const shrinking = columns.findIndex(({ shrinks }) => shrinks === true)
  const total = widths.reduce((sum, width) => sum + width, 0) + gap.length * (columns.length - 1)
  if (style.width !== undefined && shrinking !== -1 && total > style.width) {
    widths[shrinking] = Math.max(leastWidth, widths[shrinking]! - (total - style.width))
  }
  const line = (cells: ReadonlyArray<string>, paint: (text: string) => string) =>
    columns
      .map(({ right }, i) => {
        const cell = i === shrinking ? shorten(cells[i] ?? "", widths[i]!) : (cells[i] ?? "")
        const space = " ".repeat(Math.max(0, widths[i]! - displayWidth(cell)))
        return right === true ? space + paint(cell) : paint(cell) + (i === columns.length - 1 ? "" : space)
      })
      .join(gap)
      .trimEnd()
  const titles = columns.map(({ title }) => title)
  return [line(titles, style.title), ...rows.map((row) => line(row, (cell) => cell))].join("\n")
}

/** Names before values, one to a line. */
export const record = (
  pairs: ReadonlyArray<readonly [name: string, value: string | undefined]>,
  title: (text: string) => string
): string => {
  const there = pairs.filter(([, value]) => value !== undefined)
  const width = Math.max(0, ...there.map(([name]) => displayWidth(name)))
  return there
    .map(([name, value]) => {
      const indented = (value ?? "").replaceAll("\n", `\n${" ".repeat(width)}${gap}`)
      return `${title(name)}${" ".repeat(width - displayWidth(name))}${gap}${indented}`
    })
    .join("\n")
}
