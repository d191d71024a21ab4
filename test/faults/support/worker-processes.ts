import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { until } from "../../support/Station.ts"
import type { Ledger } from "./Ledger.ts"

/** What a worker process is told; durations as Effect takes them. */
export interface ProcessOptions {
  readonly name: string
  readonly url: string
  readonly prefix: string
  readonly ledger: string
  readonly worker?: {
    readonly lease?: `${number} millis`
    readonly sweep?: `${number} millis`
    readonly poll?: `${number} millis`
    readonly drain?: `${number} millis`
    readonly concurrency?: number
  }
  readonly timeout?: `${number} millis`
  /** How wrong its wall clock is. */
  readonly clockShiftMillis?: number
}

export interface WorkerProcess {
  readonly pid: number
  readonly signal: (name: NodeJS.Signals) => void
  /** Its exit code, or the signal that ended it. */
  readonly ended: Effect.Effect<number | NodeJS.Signals | null>
  readonly isOver: () => boolean
  readonly stderr: () => string
}

const wait = async (child: ChildProcess) => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
  return child.exitCode ?? child.signalCode
}

let count = 0

/** Starts a worker process, killed with the scope; answers once it looks for work. */
export const startWorkerProcess = Effect.fnUntraced(function* (
  { ledger, ...options }: Omit<ProcessOptions, "name" | "ledger"> & { readonly ledger: Ledger },
  nodeArgs: ReadonlyArray<string> = []
) {
  const name = `worker-${++count}`
  let stderr = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const settings: ProcessOptions = { name, ledger: ledger.file, ...options }
      const args = [
        ...nodeArgs,
        "-C",
        "winterq-source",
        `${import.meta.dirname}/worker-process.ts`,
        JSON.stringify(settings)
      ]
      const started = spawn(process.execPath, args, {
        stdio: ["ignore", "ignore", "pipe"],
        // most of what a start takes is compiling the same sources again
        env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "winterq-compile-cache") }
      })
      started.stderr.on("data", (data: Buffer) => {
        stderr += data.toString()
      })
      return started
    }),
    (started) =>
      Effect.sync(() => {
        started.kill("SIGCONT")
        started.kill("SIGKILL")
      })
  )
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  // a job may end it before it can say so
  yield* until(`${name} is up`, () => ledger.said(`up ${name}`) || isOver(), 20_000)
  return {
    pid: child.pid!,
    signal: (signal) => void child.kill(signal),
    ended: Effect.promise(() => wait(child)),
    isOver,
    stderr: () => stderr
  } satisfies WorkerProcess
})
