import { execFile } from "node:child_process"
import { chmod, mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { findOnPath } from "../redis-server.ts"
import { unpack } from "./apt.ts"

const run = promisify(execFile)

/** A kind of server that winterq is tested on, and the Debian release that has it. */
export interface ServerKind {
  readonly program: "redis-server" | "valkey-server"
  /** How its version starts. */
  readonly version: string
  readonly suite: string
}

export const serverKinds = {
  redis7: { program: "redis-server", version: "7.0.", suite: "bookworm" },
  redis8: { program: "redis-server", version: "8.0.", suite: "trixie" },
  valkey8: { program: "valkey-server", version: "8.1.", suite: "trixie" }
} as const satisfies Record<string, ServerKind>

export type ServerName = keyof typeof serverKinds

export interface FoundServer {
  /** A program that takes the arguments of the server, and becomes it. */
  readonly binary: string
  readonly version: string
}

const cache = join(import.meta.dirname, "../../../node_modules/.cache/winterq-servers")

const versionOf = async (binary: string): Promise<string> => {
  const { stdout } = await run(binary, ["--version"], { timeout: 10_000 })
  return /v=([\d.]+)/.exec(stdout)?.[1] ?? stdout.trim()
}

/** A program that runs another with the libraries beside it, whatever the system has. */
const wrap = async (name: ServerName, kind: ServerKind): Promise<string> => {
  const folder = join(cache, name)
  const { libraries, loader, root } = await unpack(kind.program, kind.suite, folder)
  const file = join(folder, kind.program)
  const program = join(root, "usr/bin", kind.program)
  await mkdir(folder, { recursive: true })
  // exec keeps the process id, so that signals reach the server itself
  await writeFile(file, `#!/bin/sh\nexec '${loader}' --library-path '${libraries.join(":")}' '${program}' "$@"\n`)
  await chmod(file, 0o755)
  return file
}

/** The server on the PATH when it is of this version, else Debian's, unpacked beside the system; rejects with the reason. */
export const findServer = async (name: ServerName): Promise<FoundServer> => {
  const kind: ServerKind = serverKinds[name]
  const installed = await findOnPath(kind.program)
  const candidates = [() => Promise.resolve(installed), () => wrap(name, kind)]
  for (const candidate of candidates) {
    const binary = await candidate()
    if (binary === undefined) continue
    const version = await versionOf(binary)
    if (version.startsWith(kind.version)) return { binary, version }
  }
  throw new Error(`${kind.suite} has no ${kind.program} ${kind.version}x`)
}
