import { type ChildProcessByStdio, spawn } from "node:child_process"
import { once } from "node:events"
import type { Readable, Writable } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { freshRedis } from "../support/fresh-redis.ts"

type Child = ChildProcessByStdio<Writable, Readable, Readable>

const closingWorker = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child: Child = spawn(
        process.execPath,
        ["-C", "winterq-source", `${import.meta.dirname}/closing-worker.ts`, url],
        {
          stdio: ["pipe", "pipe", "pipe"]
        }
      )
      const said: Array<string> = []
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (data: Buffer) => said.push(...data.toString().trim().split("\n")))
      }
      await once(child.stdout, "data")
      return { child, said }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Tells it to stop; answers how it ended and how long that took. */
const close = (child: Child) =>
  Effect.promise(async () => {
    const start = performance.now()
    child.stdin.write("close\n")
    const [code] = (await once(child, "exit")) as [number | null]
    return { code, millis: performance.now() - start }
  })

describe.concurrent("a process whose worker is closed", () => {
  it.live("ends by itself, with nothing left over", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const { child, said } = yield* closingWorker(server.url)

      const { code, millis } = yield* close(child)

      assert.deepStrictEqual([code, said], [0, ["running", "closed"]])
      assert.isBelow(millis, 2000)
    }).pipe(Effect.scoped)
  )

  it.live("ends by itself during an outage too", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const { child, said } = yield* closingWorker(server.url)
      yield* Effect.promise(() => server.kill())
      yield* Effect.sleep("300 millis")

      const { code, millis } = yield* close(child)

      assert.deepStrictEqual([code, said], [0, ["running", "closed"]])
      assert.isBelow(millis, 15_000)
    }).pipe(Effect.scoped)
  )
})
