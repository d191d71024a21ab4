import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")

/** How `winter` is started in this repository, without a build. */
export const winterCommand = [process.execPath, "-C", "winterq-source", join(root, "src/cli/main.ts")] as const

/** How a command ended, and what it printed. */
export interface Printed {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: string
}

const running = new Set<ChildProcess>()
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

/** Nothing of the tests' own environment that winter would read, and no colours. */
const environment = (env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(WINTER_|REDIS_ADDR|GRPC_PORT|FORCE_COLOR|NO_COLOR)/.test(name))
  ),
  ...env
})

/** Starts `winter` as a process of its own. */
export const startWinter = (args: ReadonlyArray<string>, { cwd = root, env, stdin }: RunOptions = {}) => {
  const [program, ...first] = winterCommand
  const child = spawn(program, [...first, ...args], { cwd, env: environment(env), stdio: ["pipe", "pipe", "pipe"] })
  running.add(child)
  let stdout = ""
  let stderr = ""
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()))
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()))
  child.stdin.end(stdin ?? "")
  const ended = once(child, "close").then((): Printed => {
    running.delete(child)
    return { code: child.exitCode ?? -1, stdout, stderr }
  })
  return {
    ended,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Resolves once stdout has the text. */
    said: (text: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (stdout.includes(text)) resolve()
        }
        child.stdout.on("data", look)
        child.once("close", () => reject(new Error(`it ended without ${text}: ${stdout}${stderr}`)))
        look()
      })
  }
}

/** Runs a command of `winter` to its end. */
export const runWinter = (args: ReadonlyArray<string>, options?: RunOptions): Promise<Printed> =>
  startWinter(args, options).ended

/** `winter` on one Redis under a prefix of its own. */
export const winterOn = (url: string, prefix = `cli-${crypto.randomUUID().slice(0, 8)}`) => {
  const place = ["--redis", url, "--prefix", prefix]
  const run = (...args: ReadonlyArray<string>) => runWinter([...args, ...place])
  return {
    prefix,
    place,
    run,
    /** Runs a command that has to succeed, and answers what it printed. */
    text: async (...args: ReadonlyArray<string>): Promise<string> => {
      const { code, stderr, stdout } = await run(...args)
      if (code !== 0) throw new Error(`winter ${args.join(" ")} ended with ${code}: ${stderr}${stdout}`)
      return stdout.trimEnd()
    },
    /** The same with `--json`, parsed. */
    json: async <A = any>(...args: ReadonlyArray<string>): Promise<A> => {
      const { code, stderr, stdout } = await run(...args, "--json")
      if (code !== 0) throw new Error(`winter ${args.join(" ")} ended with ${code}: ${stderr}`)
      return JSON.parse(stdout) as A
    }
  }
}
