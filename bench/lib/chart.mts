import { type BenchReport, type ScenarioReport, subject } from "./report.mts"
import { shown } from "./text.mts"

const [width, labelWidth, barWidth] = [880, 150, 400]
const [rowHeight, barHeight, gap, top] = [20, 14, 40, 90]
const floor = "floor"
const colours: Readonly<Record<string, string>> = { [subject]: "#2563eb", [floor]: "#d1d5db" }
const otherColour = "#94a3b8"

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const textAt = (x: number, y: number, text: string, attributes = "") =>
  `<text x="${x}" y="${y}"${attributes === "" ? "" : ` ${attributes}`}>${escaped(text)}</text>`

interface Bar {
  readonly name: string
  readonly value: number
}

/** The bars of a scenario's first metric; none without winterq's, which the others are drawn relative to. */
const barsOf = ({ metrics }: ScenarioReport): ReadonlyArray<Bar> => {
  const bars = Object.entries(metrics[0]?.contenders ?? {}).flatMap(([name, { median }]) =>
    Number.isFinite(median) ? [{ name, value: median }] : []
  )
  return bars.some(({ name }) => name === subject) ? bars : []
}

const isRate = (unit: string) => unit.endsWith("/s")

const barLines = (bars: ReadonlyArray<Bar>, unit: string, y: number): ReadonlyArray<string> => {
  const ours = bars.find(({ name }) => name === subject)!.value
  // the floor would dwarf what can be compared: it is cut off at the longest of the others
  const longest = Math.max(...bars.flatMap(({ name, value }) => (name === floor ? [] : [value])))
  return bars.flatMap(({ name, value }, index) => {
    const rowY = y + index * rowHeight
    const length = Math.min(barWidth, Math.max(1, (value / longest) * barWidth))
    const relative = name === subject ? "" : `, ${shown(value / ours)} x`
    const cut = value > longest ? " (cut off)" : ""
    return [
      textAt(labelWidth, rowY + 11, name, `text-anchor="end"${name === subject ? ' font-weight="600"' : ""}`),
      `<rect x="${labelWidth + 10}" y="${rowY}" width="${length.toFixed(1)}" height="${barHeight}" rx="2" fill="${colours[name] ?? otherColour}"/>`,
      textAt(
        labelWidth + 16 + Number(length.toFixed(1)),
        rowY + 11,
        `${shown(value)} ${unit}${relative}${cut}`,
        'fill="#475569"'
      )
    ]
  })
}

/** An SVG of the charted scenarios in free placement: bars relative to each other, with their figures. */
export const chartOf = ({ machine, reports, rounds }: BenchReport): string => {
  const parts: Array<string> = []
  let y = top
  for (const report of reports) {
    const bars = barsOf(report)
    if (!report.charted || report.placement !== "free" || bars.length === 0) continue
    const { metric, unit } = report.metrics[0]!
    const what = metric === "rate" ? report.title : `${report.title}: ${metric}`
    parts.push(
      textAt(20, y, `${what}${isRate(unit) ? "" : " (less is better)"}`, 'font-weight="600"'),
      ...barLines(bars, unit, y + 10)
    )
    y += bars.length * rowHeight + gap
  }
  const height = y - 20
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
      'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="12" fill="#0f172a">',
    `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    textAt(
      20,
      28,
      `Medians of ${rounds} rounds, each row in turn on one machine; x: relative to ${subject}`,
      'font-weight="600" font-size="14"'
    ),
    textAt(
      20,
      46,
      `${machine.cpu}, ${machine.cores} cores, node ${machine.node}, redis ${machine.redis}`,
      'fill="#475569" font-size="11"'
    ),
    textAt(20, 60, versions.join(", "), 'fill="#475569" font-size="11"'),
    ...parts,
    "</svg>",
    ""
  ].join("\n")
}
