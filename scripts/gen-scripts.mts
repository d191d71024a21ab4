// Inlines the Lua scripts into a module, so that nothing is read or hashed at run time and plain `tsc` ships them.
//
//   node scripts/gen-scripts.mts           writes src/backends/redis/scripts/sources.gen.ts
//   node scripts/gen-scripts.mts --check   writes nothing; exit code 1 when the file is stale
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"

const root = join(import.meta.dirname, "..")
const folder = join(root, "src/backends/redis/scripts")
const output = join(folder, "sources.gen.ts")
const shown = (file: string) => relative(root, file)

/** The file with its includes in place, each once however often it is asked for. */
const expand = (file: string, open: ReadonlyArray<string>, included: Set<string>): string => {
  const lines: Array<string> = []
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const name = /^ *-- include (.*)$/.exec(line)?.[1]?.trim()
    if (name === undefined) {
      lines.push(line)
      continue
    }
    const target = join(folder, `${name}.lua`)
    if (!/^lib\/[\w-]+$/.test(name)) throw new Error(`${shown(file)}: "-- include ${name}" is not lib/NAME`)
    if (!existsSync(target)) throw new Error(`${shown(file)}: "-- include ${name}", but there is no ${shown(target)}`)
    if (open.includes(target)) throw new Error(`a cycle: ${[...open, target].map(shown).join(" includes ")}`)
    if (included.has(target)) continue
    included.add(target)
    lines.push(expand(target, [...open, target], included))
  }
  return lines.join("\n")
}

const strip = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !/^\s*(--.*)?$/.test(line))
    .join("\n")

/** Names in the order in which the script gets them. */
const declared = (text: string, kind: "KEYS" | "ARGV"): ReadonlyArray<string> =>
  Array.from(text.matchAll(new RegExp(`^-- ${kind} +(\\S+)`, "gm")), ([, name = ""]) => name)

/**
 * The script with `keys.NAME` and `args.NAME` by their places, so that no table of them is made whenever it runs. What it
 * does not declare stays as it is: only functions of an include that it never calls may name such.
 */
const placed = (lua: string, keys: ReadonlyArray<string>, args: ReadonlyArray<string>): string =>
  lua.replace(/\b(keys|args)\.(\w+)/g, (text, kind: string, name: string) => {
    const place = (kind === "keys" ? keys : args).indexOf(name) + 1
    return place === 0 ? text : `${kind === "keys" ? "KEYS" : "ARGV"}[${place}]`
  })

const quote = (text: string): string => `\`${text.replace(/[\\`]|\$\{/g, "\\$&")}\``

const list = (names: ReadonlyArray<string>): string =>
  `[${names.map((name) => JSON.stringify(name)).join(", ")}] as const`

const render = (name: string): string => {
  const file = join(folder, `${name}.lua`)
  const text = readFileSync(file, "utf8")
  const fail = (reason: string) => new Error(`${shown(file)}: ${reason}`)
  if (!text.startsWith("#!lua")) throw fail("the first line must be #!lua")
  const keys = declared(text, "KEYS")
  const args = declared(text, "ARGV")
  const lua = placed(strip(expand(file, [file], new Set())), keys, args)
  // a line of a long string can look like a comment
  if (/\[=*\[/.test(lua)) throw fail("long brackets cannot be stripped safely")
  const rest = args.find((arg) => arg.startsWith("..."))
  if (rest !== undefined && rest !== args.at(-1)) throw fail("only the last ARGV may stand for several values")
  return `  ${name}: {
    keys: ${list(keys)},
    args: ${list(args.filter((arg) => arg !== rest))},
    rest: ${rest === undefined ? "undefined" : `${JSON.stringify(rest.slice(3))} as const`},
    sha1: ${JSON.stringify(createHash("sha1").update(lua).digest("hex"))},
    source: ${quote(lua)}
  }`
}

const generate = (names: ReadonlyArray<string>): string =>
  `// Generated from the .lua files of this folder by \`npm run gen\`. Do not edit.

/** Per script: names of its KEYS and ARGV as its header declares them (\`rest\` is a variadic tail), and its text. */
export const sources = {
${names.map(render).join(",\n")}
}
`

const main = (check: boolean) => {
  const scripts = readdirSync(folder).filter((file) => file.endsWith(".lua"))
  const generated = generate(scripts.map((file) => file.slice(0, -".lua".length)).toSorted())
  if (existsSync(output) && readFileSync(output, "utf8") === generated) return console.log(`${shown(output)} is fresh`)
  if (check) throw new Error(`${shown(output)} is stale: run \`npm run gen\``)
  writeFileSync(output, generated)
  console.log(`${shown(output)} written: ${scripts.length} scripts`)
}

try {
  main(process.argv.includes("--check"))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
