import { afterAll, assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as Memory from "../../src/backends/memory/index.ts"
import * as Redis from "../../src/backends/redis/index.ts"
import { redisUrl } from "../support/redis-url.ts"
import { Model } from "./model/Model.ts"
import { plan } from "./model/plans.ts"
import { makeRuntime, Real, type Runtime } from "./model/Real.ts"

/** WINTERQ_MODEL_RUNS=1000 for a thorough run. */
const runs = Number(process.env["WINTERQ_MODEL_RUNS"] ?? 250)

/** Lengths are drawn evenly from 0, so that this is 100 commands on average. */
const maxCommands = 200

/** What must have happened for the agreement to mean something. */
const sometimes = [
  ...["Enqueued", "Existing, identical true", "Existing, identical false", "Duplicate"],
  ...["Replaced pending", "Replaced scheduled", "Duplicate, not replaced", "Duplicate of an ended job"],
  ...["key of a started job", "expired", "fewer for expired ones, more left", "no room", "limit set", "limit lifted"],
  ...["scheduled", "pending", "retry"].map((state) => `cancel of ${state}: cancelled`),
  ...["completed", "cancelled", "dead"].map((state) => `cancel of ${state}: ended`),
  ...["cancel of active: requested", "cancel of none: gone", "cancelled by a claim", "cancelled by a rescue"],
  ...["Retry", "Snooze", "Release"].map((tag) => `${tag} cancelled, asked to stop`),
  ...["Complete", "Bury", "Cancel"].map((tag) => `${tag} settled, asked to stop`),
  ...["annotated true", "annotated false", "progress", "lines added", "lines repeated", "log is full"],
  ...["Watching", "Missing", "watched Completed", "watched Dead", "watched Cancelled", "watched expired", "unwatched"],
  ...["told Completed", "told Dead", "told Cancelled", "told Cancelled, expired"],
  ...["Complete", "Retry", "Bury", "Cancel", "Snooze", "Release"].flatMap((tag) =>
    ["settled", "repeated", "stale", "gone"].map((outcome) => `${tag} ${outcome}`)
  ),
  ...["Retry died", "settled after the lease", "rescued by a claim", "buried by a claim", "more left", "nothing left"],
  ...["claim, some", "claim, none", "claim while paused, none", "outdated claim, none"],
  ...["repeated claim, some", "repeated claim, none", "repeated claim while paused, some"],
  ...["extended held", "extended cancel", "extended lost", "extended after the lease"],
  ...["promoted", "run now", "run now, left alone", "rescued", "buried by a rescue"],
  ...["pruned completed", "pruned cancelled", "pruned dead", "purged oldest", "purged named"],
  ...["paused true", "paused false", "resumed true", "resumed false"],
  ...["oldest redriven", "oldest key-taken", "named redriven", "named key-taken", "named not-dead"]
]

/** Runs random commands, each time on a fresh queue of the runtime that `enter` gives and `leave` takes back. */
const agrees = (backend: string, enter: () => Runtime, leave: (runtime: Runtime) => Promise<void>) =>
  it(`${backend} agrees with the model after every command`, { timeout: 60_000 + runs * 1000 }, async () => {
    const tallies = new Map<string, number>()
    let queues = 0

    await fc.assert(
      fc.asyncProperty(fc.commands([plan], { maxCommands, size: "max" }), async (commands) => {
        const runtime = enter()
        const real = new Real(runtime, `${backend}-${++queues}`, tallies)
        const model = new Model(real.queue, await real.now())
        try {
          await real.open()
          await fc.asyncModelRun(() => ({ model, real }), commands)
          await real.compareAll(model)
          await real.compareNotices(model)
        } catch (error) {
          throw new Error(`${real.log.join("\n")}\n${error instanceof Error ? error.message : error}`, { cause: error })
        } finally {
          await real.close()
          await leave(runtime)
        }
      }),
      { numRuns: runs }
    )

    const counts = [...tallies].toSorted().map(([kind, count]) => `${kind}: ${count}`)
    console.log(`${backend} agreed with the model in ${runs} runs\n  ${counts.join("; ")}`)
    if (runs >= 250)
      assert.deepStrictEqual(
        sometimes.filter((kind) => !tallies.has(kind)),
        []
      )
  })

describe("a store", () => {
  let redis: Runtime | undefined
  afterAll(() => redis?.dispose())

  agrees(
    "memory",
    () => makeRuntime(Memory.layer),
    (runtime) => runtime.dispose()
  )

  agrees(
    "redis",
    () => (redis ??= makeRuntime(Redis.layerVirtualTime({ url: redisUrl(), prefix: `model-${crypto.randomUUID()}` }))),
    async () => {}
  )
})
