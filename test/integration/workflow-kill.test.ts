import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { JobStore, QueueControl, Workflow, Workflows } from "winterq"
import * as Redis from "winterq/redis"
import { redisUrl } from "../support/redis-url.ts"
import { Part, Sum, workOnParts } from "./parts.ts"

const members = 200

/** Kills it as soon as it has started so many handlers; answers what it had started. */
const killAfter = async (child: ChildProcess, handlers: number): Promise<ReadonlyArray<string>> => {
  const started: Array<string> = []
  for await (const line of createInterface(child.stdout!)) {
    started.push(line)
    if (started.length === handlers) child.kill("SIGKILL")
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
  return started
}

describe("kill -9 of a worker on a workflow", () => {
  for (const handlers of [60, 190]) {
    it.live(`another finishes a group of ${members} and runs its callback once, after ${handlers} handlers`, () =>
      Effect.gen(function* () {
        const [url, prefix] = [redisUrl(), `workflow-kill-${randomUUID()}`]
        const handle = yield* Workflows.start(
          Workflow.chord(
            Array.from({ length: members }, (_, n) => Workflow.job(Part, { n })),
            Workflow.job(Sum, {})
          )
        ).pipe(Effect.provide(Workflows.layer), Effect.provide(Redis.layer({ url, prefix })))
        const script = `${import.meta.dirname}/parts-worker.ts`
        const child = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn(process.execPath, ["-C", "winterq-source", script, url, prefix], {
              stdio: ["ignore", "pipe", "inherit"]
            })
          ),
          (running) => Effect.sync(() => running.kill("SIGKILL"))
        )
        const first = yield* Effect.promise(() => killAfter(child, handlers))
        const second: Array<string> = []

        yield* Effect.gen(function* () {
          const sum = yield* Workflows.awaitResult(handle)
          const { completed, enqueued } = yield* QueueControl.use(({ counters }) => counters("sums"))
          const parts = yield* QueueControl.use(({ counters }) => counters("parts"))
          const found = Option.getOrThrow(yield* Workflows.get(handle.id))

          assert.strictEqual(sum, (members * (members - 1)) / 2)
          assert.deepStrictEqual([enqueued, completed], [1, 1])
          assert.deepStrictEqual([parts.enqueued, parts.completed], [members, members])
          assert.deepInclude(found, { state: "completed", completed: members + 1, failed: 0 })
          assert.isAtLeast(first.length, handlers)
          assert.notInclude(first, "sum")
          assert.lengthOf(
            second.filter((what) => what === "sum"),
            1
          )
          assert.strictEqual(new Set([...first, ...second]).size, members + 1)
          // a handler that ran in both is one whose end the first could not record any more
          const twice = [...first, ...second].length - members - 1
          assert.isAtMost(twice, first.length)
          yield* JobStore.use((store) => store.endings("parts", 1000)).pipe(
            Effect.repeat({ until: (endings) => endings.length === 0 })
          )
        }).pipe(
          Effect.provide(workOnParts((what) => second.push(what))),
          Effect.provide(Workflows.layer.pipe(Layer.provideMerge(Redis.layer({ url, prefix }))))
        )
      }).pipe(Effect.scoped)
    )
  }
})
