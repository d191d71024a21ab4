// Checks the checkers: plants one bug after the other into a copy of the sources, and demands that a test turns red.
//
//   npm run test:planted                  all of them
//   npm run test:planted -- fence join    those whose names contain one of these words
//
// A patch that does not apply any more fails the run, and so does a test that is red without any bug.
import { spawn } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { bugs, type Bug } from "../test/faults/planted/bugs.ts"
import { startRedis } from "../test/support/redis-server.ts"

const root = join(import.meta.dirname, "..")
const parallel = 2
const secondsPerBug = 120

interface Outcome {
  readonly failed: ReadonlyArray<string>
  readonly ran: number
  readonly problem: string | undefined
}

const copyOf = (name: string): string => {
  const folder = mkdtempSync(join(tmpdir(), `winterq-planted-${name}-`))
  for (const part of ["src", "test", "scripts", "docs", "package.json", "tsconfig.json", "vitest.config.ts"]) {
    cpSync(join(root, part), join(folder, part), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  return folder
}

const env = (folder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: [join(folder, "node_modules/.bin"), process.env["PATH"]].join(delimiter)
})

const run = (folder: string, program: string, args: ReadonlyArray<string>): Promise<string | undefined> =>
  new Promise((resolve) => {
    const child = spawn(program, args, { cwd: folder, env: env(folder), detached: true, stdio: "ignore" })
    let problem: string | undefined
    const bound = setTimeout(() => {
      problem = `not done after ${secondsPerBug} s`
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
    }, secondsPerBug * 1000)
    child.on("error", (error) => resolve(error.message))
    child.on("exit", (code) => {
      clearTimeout(bound)
      resolve(problem ?? (code === 0 ? undefined : `exit code ${code}`))
    })
  })

const patch = (folder: string, { edits }: Bug): void => {
  for (const { file, from, to } of edits) {
    const path = join(folder, file)
    const text = readFileSync(path, "utf8")
    if (text.split(from).length !== 2) throw new Error(`the patch of ${file} does not apply exactly once: ${from}`)
    writeFileSync(
      path,
      text.replace(from, () => to)
    )
  }
}

interface VitestReport {
  readonly numTotalTests: number
  readonly testResults: ReadonlyArray<{
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly title: string }>
  }>
}

const test = async (folder: string, { pattern, tests }: Pick<Bug, "pattern" | "tests">): Promise<Outcome> => {
  const report = join(folder, "report.json")
  const args = ["run", ...tests, "-t", pattern, "--reporter=json", `--outputFile=${report}`, "--testTimeout=20000"]
  const problem = await run(folder, "vitest", args)
  try {
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as VitestReport
    const results = testResults.flatMap(({ assertionResults }) => assertionResults)
    // a file that does not load proves nothing
    const broken = testResults.find(
      ({ assertionResults, status }) => status === "failed" && assertionResults.length === 0
    )
    return {
      failed: results.filter(({ status }) => status === "failed").map(({ title }) => title),
      ran: results.filter(({ status }) => status === "passed" || status === "failed").length,
      problem: broken === undefined ? undefined : broken.message
    }
  } catch {
    return { failed: [], ran: 0, problem: problem ?? "no report" }
  }
}

const tryBug = async (bug: Bug): Promise<Outcome> => {
  const folder = copyOf(bug.name.replaceAll(/[^a-z]+/g, "-").slice(0, 20))
  try {
    patch(folder, bug)
    const stale = await run(folder, process.execPath, ["scripts/gen-scripts.mts"])
    if (stale !== undefined) return { failed: [], ran: 0, problem: `scripts: ${stale}` }
    return await test(folder, bug)
  } catch (error) {
    return { failed: [], ran: 0, problem: error instanceof Error ? error.message : String(error) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The same tests on the sources as they are: all must be green. */
const tryNone = async (chosen: ReadonlyArray<Bug>): Promise<Outcome> => {
  const folder = copyOf("none")
  try {
    const failed: Array<string> = []
    let ran = 0
    const groups = Map.groupBy(chosen, ({ tests }) => tests.join(" "))
    for (const group of groups.values()) {
      const pattern = [...new Set(group.map((bug) => bug.pattern))].join("|")
      const outcome = await test(folder, { tests: group[0]!.tests, pattern })
      failed.push(...outcome.failed)
      ran += outcome.ran
      if (outcome.problem !== undefined) return outcome
    }
    return { failed, ran, problem: undefined }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const words = process.argv.slice(2)
const chosen = bugs.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
const redis = await startRedis()
process.env["WINTERQ_TEST_REDIS_URL"] = redis.url

const none = await tryNone(chosen)
console.log(`without a bug: ${none.ran - none.failed.length} passed, ${none.failed.length} failed`)
for (const title of none.failed) console.log(`  RED WITHOUT A BUG ${title}`)

const waiting = [...chosen]
const found = new Map<Bug, Outcome>()
const work = async (): Promise<void> => {
  for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
    const outcome = await tryBug(bug)
    found.set(bug, outcome)
    const [first] = outcome.failed
    const what = first === undefined ? `NOT CAUGHT (${outcome.problem ?? `${outcome.ran} tests passed`})` : first
    console.log(`${String(bug.number).padStart(3)}  ${bug.name.padEnd(52)} ${what}`)
  }
}
await Promise.all(Array.from({ length: parallel }, work))
await redis.stop()

const caught = chosen.filter((bug) => (found.get(bug)?.failed.length ?? 0) > 0)
console.log(`${caught.length} of ${chosen.length} planted bugs caught`)
process.exit(caught.length === chosen.length && none.failed.length === 0 && none.problem === undefined ? 0 : 1)
