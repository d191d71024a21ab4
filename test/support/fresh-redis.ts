import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { randomInt } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { Redis as IORedis } from "ioredis"
import { serverBinary } from "./redis-server.ts"

const given = new Set<number>()

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.on("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })

/** A port that stays free while its server is down: below those that outgoing connections take. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(15_000, 32_000)
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) return port
  }
}

const running = new Set<ChildProcess>()
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

export interface FreshOptions {
  /** What no argument can say: the lines of a configuration file. */
  readonly config?: ReadonlyArray<string>
  readonly args?: ReadonlyArray<string>
  readonly port?: number
}

/** A server of a test's own, that it may kill, restart and configure. */
export class FreshRedis {
  readonly port: number
  readonly dir: string
  readonly url: string
  private readonly binary: string
  private args: ReadonlyArray<string>
  private child: ChildProcess | undefined

  constructor(binary: string, port: number, dir: string, args: ReadonlyArray<string>) {
    this.binary = binary
    this.port = port
    this.dir = dir
    this.args = args
    this.url = `redis://127.0.0.1:${port}`
  }

  /** Starts it; answers once it takes connections. Other arguments replace those given before. */
  async start(args: ReadonlyArray<string> = this.args): Promise<void> {
    this.args = args
    const all = [
      join(this.dir, "redis.conf"),
      "--port",
      String(this.port),
      "--bind",
      "127.0.0.1",
      "--dir",
      this.dir,
      "--save",
      "",
      ...args
    ]
    const child = spawn(this.binary, all, { stdio: ["ignore", "pipe", "inherit"] })
    this.child = child
    running.add(child)
    child.once("exit", () => running.delete(child))
    let said = ""
    await new Promise<void>((resolve, reject) => {
      child.stdout.on("data", (data: Buffer) => {
        said += data.toString()
        if (/[Rr]eady to accept connections|Sentinel ID is|monitor master/.test(said)) resolve()
      })
      child.once("exit", () => reject(new Error(`redis-server ended: ${said}`)))
    })
  }

  /** `kill -9`; answers once it is gone. */
  async kill(): Promise<void> {
    const { child } = this
    this.child = undefined
    if (child === undefined || !running.has(child)) return
    child.kill("SIGKILL")
    await once(child, "exit")
  }

  /** One command over a connection of its own. */
  async ask(command: string, ...args: ReadonlyArray<string | number>): Promise<unknown> {
    const client = new IORedis({ port: this.port, connectionName: "test", disableClientInfo: true })
    // a failover closes connections; the command is sent again
    client.on("error", () => undefined)
    const answer = await client.call(command, [...args]).finally(() => client.disconnect())
    return answer
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.dir, { recursive: true, force: true })
  }
}

/** Starts a server of one's own even where WINTERQ_TEST_REDIS_URL names another. Without persistence unless `args` say so. */
export const startFreshRedis = async ({ args = [], config = [], port }: FreshOptions = {}): Promise<FreshRedis> => {
  const dir = await mkdtemp(join(tmpdir(), "winterq-redis-"))
  await writeFile(join(dir, "redis.conf"), `${config.join("\n")}\n`)
  const server = new FreshRedis(await serverBinary(), port ?? (await freePort()), dir, args)
  await server.start().catch(async (error: unknown) => {
    await server.stop()
    throw error
  })
  return server
}

/** Stopped, and its data removed, with the scope. */
export const freshRedis = (options: FreshOptions = {}) =>
  Effect.acquireRelease(
    Effect.promise(() => startFreshRedis(options)),
    (server) => Effect.promise(() => server.stop())
  )

/** Every write is on disk before it is answered, so that `kill` loses nothing. */
export const durable = ["--appendonly", "yes", "--appendfsync", "always"]
