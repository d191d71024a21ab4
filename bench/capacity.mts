// Writes the figures of docs/guides/capacity.md anew, from what the benchmark and the soak wrote.
//
//   node bench/capacity.mts out.json soak.json [guide.md]
//
// `-` in place of a file leaves its figures out.
import { readFile, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { capacityText } from "./lib/capacity.mts"

const [from, to] = ["<!-- figures -->", "<!-- /figures -->"]

const [bench = "-", soak = "-", guide = fileURLToPath(new URL("../docs/guides/capacity.md", import.meta.url))] =
  process.argv.slice(2)

const read = async (name: "bench" | "soak", file: string) =>
  file === "-" ? {} : { [name]: JSON.parse(await readFile(file, "utf8")) }

const text = await readFile(guide, "utf8")
const [start, end] = [text.indexOf(from), text.indexOf(to)]
if (start < 0 || end < start) throw new Error(`${guide} has no ${from} followed by ${to}`)
const figures = capacityText({ ...(await read("bench", bench)), ...(await read("soak", soak)) })
await writeFile(guide, `${text.slice(0, start + from.length)}\n${figures}\n${text.slice(end)}`)
