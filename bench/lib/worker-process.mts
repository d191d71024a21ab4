import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Target } from "./Contender.mts"

const program = fileURLToPath(new URL("./worker-main.mts", import.meta.url))

/** What a worker process is asked. It answers each with a `WorkerReply`. */
export type WorkerRequest =
  | { readonly ask: "open"; readonly contender: string; readonly target: Target; readonly concurrency: number }
  | { readonly ask: "start" | "usage" | "stop" }

export interface WorkerReply {
  /** CPU time that the process has used, in microseconds. */
  readonly cpuMicros: number
  readonly handled: number
  readonly error?: string
}

/** A worker in a process of its own, connected, which has not asked for a job yet. */
export interface WorkerProcess {
  readonly start: () => Promise<WorkerReply>
  readonly usage: () => Promise<WorkerReply>
  /** Stops the worker and ends the process. */
  readonly stop: () => Promise<WorkerReply>
}

export const openWorkerProcess = async (
  contender: string,
  target: Target,
  concurrency: number
): Promise<WorkerProcess> => {
  const child = fork(program, [], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`a worker process ended with ${code}`)
  })
  // heard of by whoever asks
  ended.catch(() => {})
  const ask = async (request: WorkerRequest): Promise<WorkerReply> => {
    const answer = once(child, "message")
    child.send(request)
    const [reply] = (await Promise.race([answer, ended])) as [WorkerReply]
    if (reply.error !== undefined) throw new Error(reply.error)
    return reply
  }
  await ask({ ask: "open", contender, target, concurrency })
  return {
    start: () => ask({ ask: "start" }),
    usage: () => ask({ ask: "usage" }),
    stop: async () => {
      const reply = await ask({ ask: "stop" })
      child.kill()
      return reply
    }
  }
}
