import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { ProcessSample, SoakReply, SoakRequest } from "./protocol.mts"

/** The asking side: a process of its own that answers one request at a time. */
export interface Child {
  readonly ask: <A>(request: SoakRequest) => Promise<A>
  /** Ends the process, whatever it does. */
  readonly end: () => Promise<void>
}

export const startChild = (program: "producer" | "worker"): Child => {
  const child = fork(fileURLToPath(new URL(`./${program}-main.mts`, import.meta.url)), [], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    execArgv: ["--expose-gc", "--conditions=winterq-source", "--disable-warning=ExperimentalWarning"],
    env: { ...process.env, NODE_ENV: "production" }
  })
  const ended = once(child, "exit").then(([code, signal]) => {
    throw new Error(`the ${program} ended by itself: ${signal ?? `exit code ${code}`}`)
  })
  // heard of by whoever asks
  ended.catch(() => {})
  return {
    ask: async <A,>(request: SoakRequest) => {
      const answer = once(child, "message")
      child.send(request)
      const [reply] = (await Promise.race([answer, ended])) as [SoakReply<A>]
      if ("error" in reply) throw new Error(reply.error)
      return reply.value
    },
    end: async () => {
      child.kill()
      await ended.catch(() => {})
    }
  }
}

/** The answering side. */
export const answer = (perform: (request: SoakRequest) => Promise<unknown>) => {
  const reply = (message: SoakReply<unknown>) => process.send?.(message)
  process.on("message", (request: SoakRequest) => {
    perform(request).then(
      (value) => reply({ value: value ?? null }),
      (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    )
  })
  // whoever started it has gone
  process.on("disconnect", () => process.exit())
}

export const processSample = (): ProcessSample => {
  globalThis.gc?.()
  const { external, heapUsed, rss } = process.memoryUsage()
  const { system, user } = process.cpuUsage()
  return { rssBytes: rss, heapBytes: heapUsed + external, cpuMicros: user + system }
}

/** Epoch milliseconds, with fractions, that never jump. */
export const nowMillis = () => performance.timeOrigin + performance.now()
