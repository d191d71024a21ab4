// Runs the contract suite and the short fault suite on every server that winterq is meant for, and ends with a table. On
// a cluster the fault suite is that of every script, and of the faults that only a cluster has.
//
//   npm run test:servers                     Redis 7.0, Redis 8.0, Valkey 8.1, and a Redis Cluster
//   npm run test:servers -- redis8 cluster   these
//
// Names: redis7, redis8, valkey8; cluster, cluster-redis8, cluster-valkey8. Servers that are not installed are fetched
// (`npm run servers`). A server that cannot be had is a failure. The output of each run is kept in
// node_modules/.cache/winterq-servers.
import { spawn } from "node:child_process"
import { createWriteStream, mkdirSync, readFileSync, rmSync } from "node:fs"
import { delimiter, join } from "node:path"
import { findServer, type ServerName } from "../test/support/servers/servers.ts"

const root = join(import.meta.dirname, "..")
const logs = join(root, "node_modules/.cache/winterq-servers")

interface Target {
  readonly server: ServerName
  readonly contract: ReadonlyArray<string>
  readonly faults: ReadonlyArray<string>
  readonly env: NodeJS.ProcessEnv
}

/** All of the short fault suite, and a failover under Sentinel. */
const one = {
  contract: ["test/contract/redis.test.ts"],
  faults: ["test/faults/short", "test/integration/redis-sentinel"],
  env: {}
}
/** Of the fault suite what does not name a server: every fault of every script; and the faults that only a cluster has. */
const many = {
  contract: ["test/contract/cluster.test.ts"],
  faults: ["test/faults/short/every-script", "test/integration/redis-cluster"],
  env: { WINTERQ_TEST_CLUSTER: "1" }
}

const targets: Readonly<Record<string, Target>> = {
  redis7: { server: "redis7", ...one },
  redis8: { server: "redis8", ...one },
  valkey8: { server: "valkey8", ...one },
  cluster: { server: "redis7", ...many },
  "cluster-redis8": { server: "redis8", ...many },
  "cluster-valkey8": { server: "valkey8", ...many }
}

interface Outcome {
  readonly passed: number
  readonly failed: number
}

const nothing: Outcome = { passed: 0, failed: 0 }

interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly message?: string
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly fullName: string }>
  }>
}

/** Counts, and says what failed; a file that does not load has failed without a failed test. */
const read = (file: string): Outcome => {
  const report = JSON.parse(readFileSync(file, "utf8")) as VitestReport
  let broken = 0
  for (const { assertionResults, message, name, status } of report.testResults) {
    const failed = assertionResults.filter((test) => test.status === "failed")
    for (const { fullName } of failed) console.log(`  FAILED ${fullName}`)
    if (status !== "failed" || failed.length > 0) continue
    broken++
    console.log(`  FAILED ${name}: ${message ?? "it does not load"}`)
  }
  return { passed: report.numPassedTests, failed: report.numFailedTests + broken }
}

let running: number | undefined
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (running !== undefined) process.kill(-running, "SIGKILL")
    process.exit(130)
  })
}

const run = async (
  title: string,
  binary: string,
  files: ReadonlyArray<string>,
  more: NodeJS.ProcessEnv
): Promise<Outcome> => {
  const report = join(logs, `${title}.json`)
  rmSync(report, { force: true })
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter),
    WINTERQ_TEST_SERVER_BINARY: binary,
    // a server that somebody named is none of these
    WINTERQ_TEST_REDIS_URL: "",
    WINTERQ_TEST_REDIS_ERROR: "",
    ...more
  }
  const args = ["run", "--maxWorkers", "1", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`]
  const since = Date.now()
  const log = createWriteStream(join(logs, `${title}.log`))
  const code = await new Promise<number | string>((resolve) => {
    // a group of its own, so that servers end with it
    const child = spawn("vitest", [...args, ...files], { cwd: root, env, detached: true })
    running = child.pid
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    child.on("error", ({ message }) => resolve(message))
    child.on("close", (status, signal) => resolve(status ?? signal ?? "gone"))
  })
  running = undefined
  log.end()
  let outcome = nothing
  try {
    outcome = read(report)
  } catch {
    // it has not come to a report
  }
  // an error outside of any test fails the run without being counted
  if (code !== 0 && outcome.failed === 0) outcome = { ...outcome, failed: 1 }
  const seconds = ((Date.now() - since) / 1000).toFixed(0)
  const { failed, passed } = outcome
  console.log(`${failed === 0 ? "ok    " : "FAILED"} ${title}: ${passed} passed, ${failed} failed (${seconds} s)`)
  return outcome
}

const given = process.argv.slice(2)
const unknown = given.filter((name) => !(name in targets))
if (unknown.length > 0) {
  console.error(`no server is called ${unknown.join(", ")}; there are ${Object.keys(targets).join(", ")}`)
  process.exit(2)
}
mkdirSync(logs, { recursive: true })

const rows: Array<ReadonlyArray<string>> = [["server", "version", "contract", "faults"]]
let total = nothing
const add = (outcome: Outcome): string => {
  total = { passed: total.passed + outcome.passed, failed: total.failed + outcome.failed }
  return `${outcome.passed}/${outcome.failed}`
}

for (const name of given.length > 0 ? given : ["redis7", "redis8", "valkey8", "cluster"]) {
  const { contract, env, faults, server } = targets[name]!
  try {
    const { binary, version } = await findServer(server)
    const contracts = add(await run(`${name}-contract`, binary, contract, env))
    rows.push([name, version, contracts, add(await run(`${name}-faults`, binary, faults, env))])
  } catch (error) {
    console.log(`FAILED ${name}: it cannot be had: ${error instanceof Error ? error.message : String(error)}`)
    rows.push([name, "cannot be had", add({ passed: 0, failed: 1 }), add(nothing)])
  }
}

console.log("\n(passed/failed)")
const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
for (const row of rows)
  console.log(
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd()
  )
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exit(total.failed === 0 ? 0 : 1)
