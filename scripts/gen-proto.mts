// Generates the TypeScript of proto/ into src/grpc/gen. Needs nothing but npm packages, and no network.
//
//   node scripts/gen-proto.mts           lints the proto files and writes what is generated from them
//   node scripts/gen-proto.mts --check   the same, but writes nothing; exit code 1 when a file is stale
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join, relative } from "node:path"

const root = join(import.meta.dirname, "..")
const output = join(root, "src/grpc/gen")
const binaries = join(root, "node_modules/.bin")

const buf = (...args: ReadonlyArray<string>) =>
  execFileSync(join(binaries, "buf"), args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    // it finds its plugin there
    env: { ...process.env, PATH: [binaries, process.env["PATH"]].join(delimiter) }
  })

const filesIn = (folder: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
        .toSorted()
    : []

const main = (check: boolean) => {
  buf("lint")
  const folder = mkdtempSync(join(tmpdir(), "winterq-proto-"))
  try {
    buf("generate", "--output", folder)
    const generated = join(folder, relative(root, output))
    const names = new Set([...filesIn(generated), ...filesIn(output)])
    const text = (from: string, name: string) =>
      existsSync(join(from, name)) ? readFileSync(join(from, name), "utf8") : undefined
    const stale = [...names].filter((name) => text(generated, name) !== text(output, name))
    if (stale.length === 0) return console.log(`${relative(root, output)} is fresh`)
    if (check) throw new Error(`stale in ${relative(root, output)}: ${stale.join(", ")}: run \`npm run gen\``)
    rmSync(output, { recursive: true, force: true })
    cpSync(generated, output, { recursive: true })
    console.log(`${relative(root, output)} written: ${stale.join(", ")}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

try {
  main(process.argv.includes("--check"))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
