// Runs everything that has to hold, one step after the other, and ends with one line: N passed, N failed.
//
//   node scripts/test.mts            all steps; the numbers add steps and tests
//   node scripts/test.mts --static   only what needs no running code: generated files, types, lint, format
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { startRedis } from "../test/support/redis-server.ts"

interface Step {
  readonly name: string
  /** A program of node_modules/.bin or of PATH, and its arguments. */
  readonly command: ReadonlyArray<string>
  readonly seconds: number
}

interface Outcome {
  readonly passed: number
  readonly failed: number
}

const root = join(import.meta.dirname, "..")
const env: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter)
}

/** The process group that runs now, so that an interrupted run leaves nothing behind. */
let running: number | undefined

const killGroup = (pid: number) => {
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // it has ended, with all its children
  }
}

interface Ending {
  /** Why it failed; absent when it did not. */
  readonly problem: string | undefined
  readonly text: string
}

const run = (step: Step, output: "shown" | "kept"): Promise<Ending> =>
  new Promise((resolve) => {
    const [program = "", ...args] = step.command
    const stdio = output === "shown" ? "inherit" : "pipe"
    // a group of its own, so that children of children end with it
    const child = spawn(program, args, { cwd: root, env, detached: true, stdio: ["ignore", stdio, stdio] })
    const { pid } = child
    running = pid
    const chunks: Array<Buffer> = []
    child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk))
    child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk))

    let problem: string | undefined
    const end = () => {
      clearTimeout(timeUp)
      clearTimeout(pipesOpen)
      if (running === pid) running = undefined
      resolve({ problem, text: Buffer.concat(chunks).toString().trimEnd() })
    }
    let pipesOpen: NodeJS.Timeout | undefined
    const timeUp = setTimeout(() => {
      problem = `not done after ${step.seconds} s`
      if (pid !== undefined) killGroup(pid)
    }, step.seconds * 1000)
    child.on("error", (error) => {
      problem = error.message
      end()
    })
    child.on("exit", (code, signal) => {
      if (code !== 0) problem ??= `exit code ${code ?? signal}`
      if (pid !== undefined) killGroup(pid)
      // a process that left the group could keep the pipes open for ever
      pipesOpen = setTimeout(end, 2000)
    })
    child.on("close", end)
  })

const report = (name: string, since: number, problem: string | undefined) => {
  const seconds = ((Date.now() - since) / 1000).toFixed(1)
  console.log(`${problem === undefined ? "ok    " : "FAILED"} ${name} (${seconds} s)${problem ? `: ${problem}` : ""}`)
}

const perform = async (step: Step): Promise<Outcome> => {
  const since = Date.now()
  const { problem, text } = await run(step, "kept")
  if (problem !== undefined) console.log(text)
  report(step.name, since, problem)
  return problem === undefined ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

/** The parts of vitest's report that count. */
interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{
      readonly status: string
      readonly fullName: string
      readonly failureMessages: ReadonlyArray<string> | null
    }>
  }>
}

/** What failed and how it begins to say why; told once more at the end, where it is not lost in pages of output. */
const failures: Array<string> = []

const beginningOf = (text: string | undefined): string => (text ?? "").split("\n").slice(0, 6).join("\n  ")

const readCounts = (file: string): Outcome => {
  try {
    const { numFailedTests, numPassedTests, testResults } = JSON.parse(readFileSync(file, "utf8")) as VitestReport
    for (const test of testResults.flatMap(({ assertionResults }) => assertionResults)) {
      // its title says why
      if (test.status === "skipped" || test.status === "pending") console.log(`skipped ${test.fullName}`)
      if (test.status === "failed") failures.push(`${test.fullName}\n  ${beginningOf(test.failureMessages?.[0])}`)
    }
    // a file that does not load has failed without a failed test
    const broken = testResults.filter(
      ({ assertionResults, status }) =>
        status === "failed" && assertionResults.every((test) => test.status !== "failed")
    )
    for (const { message, name } of broken) failures.push(`${name}\n  ${beginningOf(message)}`)
    return { passed: numPassedTests, failed: numFailedTests + broken.length }
  } catch {
    return { passed: 0, failed: 0 }
  }
}

const performTests = async (): Promise<Outcome> => {
  const since = Date.now()
  const folder = mkdtempSync(join(tmpdir(), "winterq-test-"))
  const file = join(folder, "report.json")
  const command = ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`]
  const { problem } = await run({ name: "tests", command, seconds: 1500 }, "shown")
  const { failed, passed } = readCounts(file)
  rmSync(folder, { recursive: true })
  report(`${passed + failed} tests`, since, problem)
  // an error outside of any test fails the run without being counted
  return { passed, failed: problem !== undefined && failed === 0 ? 1 : failed }
}

const npm = (name: string, seconds: number, script: string, ...args: ReadonlyArray<string>): Step => ({
  name,
  seconds,
  command: ["npm", "run", "--silent", script, ...(args.length > 0 ? ["--", ...args] : [])]
})

const checks: ReadonlyArray<Step> = [
  npm("generated files are fresh", 60, "gen:check"),
  npm("types", 300, "types"),
  npm("Effect diagnostics", 300, "effect"),
  npm("lint", 300, "lint"),
  npm("format", 120, "format", "--check")
]

const packageSteps: ReadonlyArray<Step> = [npm("build", 300, "build"), npm("package", 120, "package")]

const outcomes: Array<Outcome> = []
const performAll = async (steps: ReadonlyArray<Step>) => {
  for (const step of steps) outcomes.push(await perform(step))
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** One Redis for all steps, which find it by its url; without it, those that need it fail with the reason. */
const withRedis = async (act: (url: string | undefined) => Promise<void>) => {
  const since = Date.now()
  const redis = await startRedis().catch(messageOf)
  if (typeof redis === "string") {
    report("Redis for the tests", since, redis)
    outcomes.push({ passed: 0, failed: 1 })
    env["WINTERQ_TEST_REDIS_ERROR"] = redis
    return act(undefined)
  }
  env["WINTERQ_TEST_REDIS_URL"] = redis.url
  await act(redis.url)
  await redis.stop()
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (running !== undefined) killGroup(running)
    process.exit(130)
  })
}

await performAll(checks)
if (!process.argv.includes("--static")) {
  await withRedis(async (url) => {
    await performAll([npm("demo on memory", 120, "demo")])
    if (url !== undefined) await performAll([npm("demo on Redis", 120, "demo", "--redis", url)])
    outcomes.push(await performTests())
  })
  await performAll(packageSteps)
}

const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0)
const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0)
for (const failure of failures) console.log(`FAILED ${failure}`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
