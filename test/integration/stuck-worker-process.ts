import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"

/** Starts a worker process; answers once it has started a job. `nextLine` is what it says next. */
export const startStuckWorker = (url: string, prefix: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(
        process.execPath,
        ["-C", "winterq-source", `${import.meta.dirname}/stuck-worker.ts`, url, prefix],
        {
          stdio: ["ignore", "pipe", "inherit"]
        }
      )
      const lines = createInterface(child.stdout)
      const nextLine = async () => ((await once(lines, "line")) as [string])[0]
      return { child, line: await nextLine(), nextLine: Effect.promise(nextLine) }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )
