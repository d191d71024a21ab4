import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Inspector, Schedules } from "winterq"
import * as Redis from "winterq/redis"
import * as Stream from "effect/Stream"
import { redisUrl } from "../support/redis-url.ts"
import { Tick } from "./Tick.ts"

const startWorker = (url: string, prefix: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const file = `${import.meta.dirname}/ticking-worker.ts`
      const child = spawn(process.execPath, ["-C", "winterq-source", file, url, prefix], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      await once(child.stdout, "data")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const seen = Effect.map(Schedules.get("every-second"), Option.getOrThrow)

const hasRun = (runs: number) =>
  seen.pipe(
    Effect.tap(() => Effect.sleep("7 millis")),
    Effect.repeat({ until: (schedule) => schedule.runs >= runs })
  )

it.live(
  "ten workers of which five are killed store one job per tick",
  () =>
    Effect.gen(function* () {
      const url = redisUrl()
      const prefix = `ticking-${randomUUID()}`
      yield* Effect.gen(function* () {
        const workers = yield* Effect.all(
          Array.from({ length: 10 }, () => startWorker(url, prefix)),
          { concurrency: 5 }
        )
        yield* Schedules.add(Schedules.entry("every-second", Tick, { cron: "* * * * * *", missed: { all: 1000 } }))

        for (let killed = 1; killed <= 5; killed++) {
          yield* hasRun(killed)
          workers[killed]!.kill("SIGKILL")
        }
        yield* hasRun(7)
        yield* Schedules.pause("every-second")

        const { lastTick, runs, skipped } = yield* seen
        const ended = yield* Inspector.queue("ticks").pipe(
          Effect.tap(() => Effect.sleep("20 millis")),
          Effect.repeat({ until: ({ depths }) => depths.completed === runs })
        )
        const jobs = yield* Stream.runCollect(Inspector.jobsStream({ queue: "ticks", state: "completed" }))

        assert.deepStrictEqual(
          jobs.map(({ id }) => id).toSorted(),
          Array.from({ length: runs }, (_, i) => `cron:every-second:${lastTick! - (runs - 1 - i) * 1000}`)
        )
        assert.deepStrictEqual([ended.counters.enqueued, skipped], [runs, 0])
      }).pipe(Effect.provide(Redis.layer({ url, prefix })))
    }).pipe(Effect.scoped),
  60_000
)
