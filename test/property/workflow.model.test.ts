import { randomUUID } from "node:crypto"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import * as Memory from "../../src/backends/memory/index.ts"
import * as Redis from "../../src/backends/redis/index.ts"
import type { DeadLetterStore } from "../../src/ports/DeadLetterStore.ts"
import type { JobStore } from "../../src/ports/JobStore.ts"
import type { Notices } from "../../src/ports/Notices.ts"
import type { QueueControl } from "../../src/ports/QueueControl.ts"
import type { WorkflowStore } from "../../src/ports/WorkflowStore.ts"
import { redisUrl } from "../support/redis-url.ts"
import { Play } from "./workflows/Play.ts"
import { cases } from "./workflows/Sketch.ts"

/** WINTERQ_MODEL_RUNS=1000 for a thorough run. */
const runs = Number(process.env["WINTERQ_MODEL_RUNS"] ?? 25)

/** What must have happened for the agreement to mean something. */
const sometimes = [
  ...["stop completed", "stop failed failure", "finish completed", "finish failed", "continue completed"],
  ...["stop cancelled cancelled", "finish failed deadline", "redriven"]
]

type Ports = JobStore | QueueControl | DeadLetterStore | WorkflowStore | Notices

const makeRuntime = (backend: Layer.Layer<Ports, unknown>) =>
  ManagedRuntime.make(
    Layer.provideMerge(
      backend,
      Layer.effectDiscard(TestClock.setTime(Date.UTC(2026, 0, 1))).pipe(Layer.provideMerge(TestClock.layer()))
    )
  )

type Runtime = ReturnType<typeof makeRuntime>

const endsAsItMust = (backend: string, enter: () => Runtime, leave: (runtime: Runtime) => Promise<void>) =>
  it(
    `${backend} brings every workflow to the end that its graph demands`,
    { timeout: 60_000 + runs * 2000 },
    async () => {
      const seen = new Set<string>()
      let plays = 0

      await fc.assert(
        fc.asyncProperty(cases, async (given) => {
          const runtime = enter()
          const play = new Play(`w${++plays}`, given)
          try {
            await runtime.runPromise(play.run)
          } catch (error) {
            throw new Error(`${play.log.join("\n")}\n${error instanceof Error ? error.message : error}`, {
              cause: error
            })
          } finally {
            for (const what of play.seen) seen.add(what)
            await leave(runtime)
          }
        }),
        { numRuns: runs }
      )

      console.log(`${backend}: ${runs} workflows ended as they must; ${[...seen].toSorted().join("; ")}`)
      if (runs >= 250)
        assert.deepStrictEqual(
          sometimes.filter((what) => !seen.has(what)),
          []
        )
    }
  )

describe("workflows", () => {
  let redis: Runtime | undefined
  afterAll(() => redis?.dispose())

  endsAsItMust(
    "memory",
    () => makeRuntime(Memory.layer),
    (runtime) => runtime.dispose()
  )

  endsAsItMust(
    "redis",
    () => (redis ??= makeRuntime(Redis.layerVirtualTime({ url: redisUrl(), prefix: `workflows-${randomUUID()}` }))),
    async () => {}
  )
})
