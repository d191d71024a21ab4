import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import { Cancel, SkipRetry, Snooze } from "../../domain/Steering.ts"
import * as Task from "../../domain/Task.ts"
import { Client } from "../../features/client/Client.ts"
import * as Telemetry from "../../features/telemetry/Telemetry.ts"
import type { JobInfo } from "../../features/worker/Worker.ts"
import { contract } from "./contract.ts"
import { listeningLogger, seriesOf } from "./observing-support.ts"
import { job } from "./support.ts"
import { advanceUntil, Echo, enqueue, eventually, isIn, work } from "./worker-support.ts"

class Hasty extends Task.make("contract.hasty", {
  payload: { text: Schema.String },
  success: Schema.String,
  timeout: "1 second"
}) {}

const succeed = ({ text }: { readonly text: string }) => Effect.succeed(text)

export const loggingContract = contract("logging", (it) => {
  it.effect("LOG-1 every attempt is one line, when all are wanted", (queue) =>
    Effect.gen(function* () {
      const { layer, lines } = listeningLogger()
      const run = ({ text }: { readonly text: string }, { attempt, snoozes }: JobInfo) => {
        if (text === "retry" && attempt === 1) return Effect.fail(new Error("once\nwith more lines"))
        if (text === "cancel") return Effect.fail(new Cancel({ reason: "not wanted" }))
        if (text === "snooze" && snoozes === 0) return Effect.fail(Snooze.for("1 second"))
        return Effect.succeed(text)
      }
      yield* queue.enqueue(job("stranger", { kind: "contract.stranger" }))
      yield* work(queue, Echo, run, { log: "all" }).pipe(Effect.provide(layer))
      for (const text of ["retry", "snooze", "cancel"]) yield* enqueue(queue, Echo, { text }, { id: text })

      yield* advanceUntil(isIn(queue, "retry", "completed"))
      yield* advanceUntil(Effect.map(queue.depths, () => lines.length === 6))

      const { worker_id, duration_ms, ...fields } = lines.find(({ fields }) => fields["outcome"] === "retry")!.fields
      assert.include(worker_id, "worker-")
      assert.isNumber(duration_ms)
      assert.deepStrictEqual(fields, {
        job_id: "retry",
        kind: Echo.kind,
        queue: queue.name,
        priority: 5,
        attempt: 1,
        max_attempts: 3,
        outcome: "retry",
        error: "Error: once",
        delay_ms: 10_000
      })
      assert.deepStrictEqual(
        lines
          .map(
            ({ fields, level, message }) =>
              `${level} ${message} ${String(fields["job_id"])} ${String(fields["outcome"])}`
          )
          .toSorted(),
        [
          "Info job processed retry completed",
          "Info job processed snooze completed",
          "Info job processed snooze snoozed",
          "Warn job processed cancel cancelled",
          "Warn job processed retry retry",
          "Warn job processed stranger no_handler"
        ]
      )
    })
  )

  it.effect("LOG-2 without a wish only problems are logged, and what nobody hears is not", (queue) =>
    Effect.gen(function* () {
      const dead = () => Effect.fail(new SkipRetry({ error: "hopeless" }))
      const outcomes = (log?: false | "problems" | "all", least: "Info" | "Warn" | "Error" = "Info") =>
        Effect.gen(function* () {
          const { layer, lines } = listeningLogger()
          yield* work(queue, Echo, (payload) => (payload.text === "dead" ? dead() : succeed(payload)), {
            ...(log === undefined ? {} : { log })
          }).pipe(Effect.provide(layer), Effect.provideService(References.MinimumLogLevel, least))
          const good = yield* enqueue(queue, Echo, { text: "good" })
          const bad = yield* enqueue(queue, Echo, { text: "dead" })
          yield* advanceUntil(isIn(queue, bad.id, "dead"))
          yield* advanceUntil(isIn(queue, good.id, "completed"))
          return lines.map(({ fields }) => fields["outcome"])
        }).pipe(Effect.scoped)

      assert.deepStrictEqual(yield* outcomes(), ["dead"])
      assert.deepStrictEqual(yield* outcomes("all"), ["completed", "dead"])
      assert.deepStrictEqual(yield* outcomes("all", "Warn"), ["dead"])
      assert.deepStrictEqual(yield* outcomes(false), [])
      assert.deepStrictEqual(yield* outcomes("all", "Error"), [])
    })
  )

  it.effect("LOG-3 payloads and results are never logged", (queue) =>
    Effect.gen(function* () {
      const { layer, lines } = listeningLogger()
      yield* queue.enqueue(
        job("broken", { kind: Echo.kind, payload: `{"text":["secret payload"]}` }),
        job("not-json", { kind: Echo.kind, payload: "secret payload" })
      )
      yield* work(queue, Echo, () => Effect.succeed(["secret result"] as unknown as string), { log: "all" }).pipe(
        Effect.provide(layer)
      )
      const { id } = yield* enqueue(queue, Echo, { text: "secret payload" })

      yield* advanceUntil(isIn(queue, id, "dead"))

      assert.include((yield* queue.read("not-json")).failures[0]!.error, "secret")
      assert.isAtLeast(lines.length, 5)
      assert.notInclude(JSON.stringify(lines), "secret")
    })
  )

  it.effect("LOG-5 a handler that does not end when it is told to is logged once, and counted", (queue) =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      const { about, layer } = listeningLogger()
      const deaf = () => Effect.as(Effect.uninterruptible(Effect.sleep("2 minutes")), "late")
      yield* work(queue, Hasty, deaf).pipe(
        Effect.provide([layer, Telemetry.layer()]),
        Effect.provideService(Metric.MetricRegistry, registry)
      )
      yield* enqueue(queue, Hasty, { text: "" }, { id: "slow" })
      yield* enqueue(queue, Hasty, { text: "" }, { id: "unwanted" })
      yield* eventually(Effect.map(queue.depths, ({ active }) => active === 2))
      yield* Effect.provide(Client.cancel({ queue: queue.name, id: "unwanted" }, "not wanted"), Client.layer)

      yield* advanceUntil(isIn(queue, "slow", "retry", "dead"))

      const told = about("handler does not end")
      assert.deepStrictEqual(told.map(({ fields }) => [fields["job_id"], fields["told_to_end"]]).toSorted(), [
        ["slow", "timeout"],
        ["unwanted", "cancelled"]
      ])
      assert.isAtLeast(Number(told[0]!.fields["duration_ms"]), 11_000)
      assert.deepInclude(yield* seriesOf(registry), { [`job_handlers_overstaying_total{kind=${Hasty.kind}}`]: 2 })
    })
  )

  it.effect("LOG-5 a handler that ends soon after it is told to is not", (queue) =>
    Effect.gen(function* () {
      const { about, layer } = listeningLogger()
      const slow = () => Effect.onInterrupt(Effect.never, () => Effect.sleep("9 seconds"))
      yield* work(queue, Hasty, slow).pipe(Effect.provide(layer))
      yield* enqueue(queue, Hasty, { text: "" }, { id: "slow" })

      yield* advanceUntil(isIn(queue, "slow", "retry", "dead"))

      assert.lengthOf(about("handler does not end"), 0)
    })
  )
})
