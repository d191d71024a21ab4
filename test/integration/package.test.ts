import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

const run = promisify(execFile)
const root = join(import.meta.dirname, "../..")

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

const manifest: Manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"))

/** Those that need vitest beside them, which is an optional peer. */
const forTests = new Set(["./testing/contract", "./testing/vitest"])

const entries = Object.keys(manifest.exports).filter((entry) => entry !== "./package.json" && !forTests.has(entry))

/** A program of a project that has nothing but what the package asks for. */
const program = `
import { Effect, Layer, Schema } from "effect"
import { Client, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Greet extends Task.make("greet", { payload: { name: Schema.String }, success: Schema.String }) {}

const WorkerLive = Worker.layer({ tasks: [Greet] }).pipe(
  Layer.provide(Worker.handler(Greet, ({ name }) => Effect.succeed("Hello, " + name)))
)
const AppLive = Layer.mergeAll(WorkerLive, Client.layer).pipe(Layer.provideMerge(Memory.layer))
const greeting = Client.enqueue(Greet, { name: "Ada" }).pipe(Effect.flatMap(Client.awaitResult))
console.log(await Effect.runPromise(greeting.pipe(Effect.provide(AppLive))))
`

describe("the package in a project of its own", () => {
  let project = ""

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), "winterq-package-"))
    const installed = join(project, "node_modules/winterq")
    await mkdir(installed, { recursive: true })
    await cp(join(root, "package.json"), join(installed, "package.json"))
    await cp(join(root, "src"), join(installed, "src"), { recursive: true })
    await run(process.execPath, [
      ...[join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.build.json")],
      ...["--outDir", join(installed, "dist")]
    ])
    for (const name of ["effect", ...Object.keys(manifest.dependencies)]) {
      const link = join(project, "node_modules", name)
      await mkdir(dirname(link), { recursive: true })
      await symlink(join(root, "node_modules", name), link)
    }
    await writeFile(join(project, "package.json"), `{ "type": "module" }`)
    await writeFile(join(project, "program.js"), program)
    const imports = entries.map((entry) => `await import("winterq${entry.slice(1)}")`)
    await writeFile(join(project, "imports.js"), imports.join("\n"))
  })

  afterAll(() => rm(project, { recursive: true }))

  const node = async (...args: ReadonlyArray<string>) =>
    (await run(process.execPath, [...args], { cwd: project })).stdout

  it("runs a job", async () => {
    assert.strictEqual(await node("program.js"), "Hello, Ada\n")
  })

  it("gives what it has been built to, whatever conditions the project has of its own", async () => {
    assert.strictEqual(await node("-C", "source", "-C", "development", "program.js"), "Hello, Ada\n")
  })

  it("has every entry that needs no vitest", async () => {
    await node("imports.js")
  })

  it("brings its command line", async () => {
    assert.include(await node("node_modules/winterq/dist/cli/main.js", "--help"), "winter")
  })
})
