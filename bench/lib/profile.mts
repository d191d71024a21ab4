import { mkdir, readFile, writeFile } from "node:fs/promises"
import { Session } from "node:inspector/promises"
import { dirname } from "node:path"

const samplingMicros = 200

/** Starts a CPU profile of this process; the answer stops it and writes the file, which Chrome and editors open. */
export const recordProfile = async (file: string): Promise<() => Promise<void>> => {
  const inspector = new Session()
  inspector.connect()
  await inspector.post("Profiler.enable")
  await inspector.post("Profiler.setSamplingInterval", { interval: samplingMicros })
  await inspector.post("Profiler.start")
  return async () => {
    const { profile } = await inspector.post("Profiler.stop")
    inspector.disconnect()
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, JSON.stringify(profile))
  }
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: ReadonlyArray<number>
}

interface Profile {
  readonly nodes: ReadonlyArray<ProfileNode>
  readonly samples: ReadonlyArray<number>
  readonly timeDeltas: ReadonlyArray<number>
}

/** The last package of a path under node_modules, else the file under src or bench, else what node calls it. */
const placeOf = (url: string, functionName: string): string => {
  if (url === "") return functionName.startsWith("(") ? functionName : "(native)"
  if (url.startsWith("node:")) return "node"
  const inPackage = [...url.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)].at(-1)?.[1]
  if (inPackage !== undefined) return inPackage
  return /\/((?:src|bench)\/.*)$/.exec(url)?.[1] ?? url
}

const labelOf = ({ functionName, lineNumber, url }: ProfileNode["callFrame"]): string => {
  const place = placeOf(url, functionName)
  if (place.startsWith("(")) return functionName === "" ? place : functionName
  const file = url.split("/").at(-1)
  const where = place === "node" ? url : place.includes("/") && !place.startsWith("@") ? place : `${place} ${file}`
  return `${functionName === "" ? "(anonymous)" : functionName}  ${where}:${lineNumber + 1}`
}

const add = (totals: Map<string, number>, key: string, micros: number) =>
  totals.set(key, (totals.get(key) ?? 0) + micros)

const table = (title: string, totals: Map<string, number>, busy: number, count: number): ReadonlyArray<string> => [
  title,
  ...[...totals]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([key, micros]) => `  ${((100 * micros) / busy).toFixed(1).padStart(5)} %  ${key}`)
]

/** Where the time went, in percent of the time not idle: per package or file, per function, and below functions. */
export const summarizeProfile = async (file: string): Promise<string> => {
  const profile: Profile = JSON.parse(await readFile(file, "utf8"))
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])))
  const places = new Map<string, number>()
  const own = new Map<string, number>()
  const below = new Map<string, number>()
  let busy = 0
  profile.samples.forEach((sample, index) => {
    const micros = profile.timeDeltas[index] ?? 0
    const node = nodes.get(sample)
    if (node === undefined || node.callFrame.functionName === "(idle)") return
    // the profiler's own start
    if (node.callFrame.url === "node:inspector") return
    busy += micros
    add(places, placeOf(node.callFrame.url, node.callFrame.functionName), micros)
    add(own, labelOf(node.callFrame), micros)
    const onStack = new Set<string>()
    for (let at: ProfileNode | undefined = node; at !== undefined; at = nodes.get(parents.get(at.id) ?? -1)) {
      if (at.callFrame.url !== "") onStack.add(labelOf(at.callFrame))
    }
    for (const label of onStack) add(below, label, micros)
  })
  const total = profile.timeDeltas.reduce((sum, micros) => sum + micros, 0)
  return [
    `${file}: busy ${(busy / 1000).toFixed(0)} ms of ${(total / 1000).toFixed(0)} ms`,
    ...table("own time by package or file", places, busy, 20),
    ...table("own time by function", own, busy, 35),
    ...table("time of a function and all it called", below, busy, 45)
  ].join("\n")
}
