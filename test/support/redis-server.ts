import { execFile } from "node:child_process"
import { access, constants, rm, writeFile } from "node:fs/promises"
import { delimiter, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { promisify } from "node:util"
import { RedisBinary, RedisMemoryServer } from "redis-memory-server"

/** A Redis for tests. `stop` ends it when it was started here. */
export interface TestRedis {
  readonly url: string
  readonly stop: () => Promise<void>
}

const run = promisify(execFile)

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim().split("\n").at(0) ?? ""

const isThere = (file: string, mode?: number): Promise<boolean> =>
  access(file, mode).then(
    () => true,
    () => false
  )

/** Where a program is, or nothing. */
export const findOnPath = async (name: string): Promise<string | undefined> => {
  // Debian keeps it in /usr/bin, but others in sbin, which is not on every user's PATH
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/bin", "/usr/local/sbin", "/usr/sbin"]
  for (const folder of folders) {
    const file = join(folder, name)
    if (folder !== "" && (await isThere(file, constants.X_OK))) return file
  }
  return undefined
}

/** A server of version 7.0 or newer, which winterq needs. */
const findServer = async (tried: Array<string>): Promise<string | undefined> => {
  for (const name of ["redis-server", "valkey-server"]) {
    const file = await findOnPath(name)
    if (file === undefined) {
      tried.push(`no ${name} on PATH`)
      continue
    }
    const answer = await run(file, ["--version"], { timeout: 10_000 }).then(({ stdout }) => stdout, messageOf)
    const version = /v=(\d+)[\d.]*/.exec(answer)
    if (Number(version?.[1] ?? 0) >= 7) return file
    tried.push(`${file} is not version 7.0 or newer, but ${version?.[0].slice(2) ?? answer}`)
  }
  return undefined
}

/** Installs Debian's package without leaving its service running. */
const installServer = async (): Promise<void> => {
  console.log("No redis-server found: installing it with apt-get, for the tests")
  const options = { timeout: 240_000, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } }
  const policy = "/usr/sbin/policy-rc.d"
  const guarded = await writeFile(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755, flag: "wx" }).then(
    () => true,
    // one exists, and containers usually have one that says the same
    () => false
  )
  try {
    await run("apt-get", ["update"], options)
    await run("apt-get", ["install", "-y", "--no-install-recommends", "redis-server"], options)
  } finally {
    if (guarded) await rm(policy, { force: true })
  }
}

const canInstall = async (): Promise<boolean> =>
  process.getuid?.() === 0 && (await isThere("/etc/debian_version")) && (await findOnPath("apt-get")) !== undefined

/** A server found on PATH, or installed by apt-get. */
const findOrInstallServer = async (tried: Array<string>): Promise<string | undefined> => {
  const found = await findServer(tried)
  if (found !== undefined || !(await canInstall())) return found
  try {
    await installServer()
    return await findServer(tried)
  } catch (error) {
    tried.push(`apt-get: ${messageOf(error)}`)
    return undefined
  }
}

const builtVersion = "7.2.7"

/** A program that somebody wants the tests to run on; `npm run test:servers` does. */
const givenBinary = (): string | undefined => process.env["WINTERQ_TEST_SERVER_BINARY"] || undefined

/** The program that runs a server of one's own: WINTERQ_TEST_SERVER_BINARY, else found, installed, or built. */
export const serverBinary = async (): Promise<string> =>
  givenBinary() ?? (await findOrInstallServer([])) ?? (await RedisBinary.getPath({ version: builtVersion }))

/** Starts a server on a free port. Without a binary, redis-memory-server downloads and builds one, once per machine. */
const launch = async (binary: string | undefined): Promise<TestRedis> => {
  // otherwise the download would not check whom it talks to
  process.env["npm_config_strict_ssl"] ??= "true"
  const server = new RedisMemoryServer({
    // it binds to 127.0.0.1 and passes `--save "" --appendonly no` by itself
    binary: binary === undefined ? { version: builtVersion } : { systemBinary: binary }
  })
  await server.start()
  const [host, port] = [await server.getHost(), await server.getPort()]
  return {
    url: `redis://${host}:${port}`,
    stop: async () => {
      await server.stop()
    }
  }
}

const within = async <A>(millis: number, what: Promise<A>): Promise<A> => {
  const timer = new AbortController()
  const late = setTimeout(millis, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`nothing after ${millis / 1000} s`)
  })
  try {
    return await Promise.race([what, late])
  } finally {
    timer.abort()
  }
}

/**
 * Provides a real Redis: the one named by WINTERQ_TEST_REDIS_URL, else one started for the tests with the program that
 * WINTERQ_TEST_SERVER_BINARY names, or with a server found on PATH, installed by apt-get, or built.
 */
export const startRedis = async (): Promise<TestRedis> => {
  const given = process.env["WINTERQ_TEST_REDIS_URL"]
  if (given !== undefined && given !== "") return { url: given, stop: async () => {} }

  // the test runner has tried before, which can take minutes
  const failed = process.env["WINTERQ_TEST_REDIS_ERROR"]
  if (failed !== undefined && failed !== "") throw new Error(failed)

  const tried: Array<string> = []
  const binary = givenBinary() ?? (await findOrInstallServer(tried))
  if (binary === undefined) console.log("No redis-server found: building one, which takes minutes the first time")
  try {
    return await within(binary === undefined ? 600_000 : 30_000, launch(binary))
  } catch (error) {
    tried.push(`${binary === undefined ? "download and build" : binary}: ${messageOf(error)}`)
    throw new Error(
      `No Redis for the tests (${tried.join("; ")}). Set WINTERQ_TEST_REDIS_URL or install redis-server 7 or newer.`,
      { cause: error }
    )
  }
}
