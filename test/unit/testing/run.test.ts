import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Memory from "../../../src/backends/memory/index.ts"
import * as Backoff from "../../../src/domain/Backoff.ts"
import * as Task from "../../../src/domain/Task.ts"
import { Client } from "../../../src/features/client/Client.ts"
import { Worker } from "../../../src/features/worker/Worker.ts"
import { layer } from "../../../src/testing/layer.ts"
import { drain, runUntil, runUntilIdle } from "../../../src/testing/run.ts"

class Flaky extends Task.make("flaky", {
  payload: { times: Schema.Int },
  success: Schema.Int,
  maxAttempts: 21,
  backoff: Backoff.exponential("1 minute").pipe(Backoff.jittered, Backoff.capped("12 hours"))
}) {}

const FlakyLive = Worker.handler(Flaky, ({ times }, job) =>
  job.attempt <= times ? Effect.fail(new Error("not yet")) : Effect.succeed(job.attempt)
)

const App = Layer.mergeAll(Client.layer, Worker.layer({ tasks: [Flaky] }).pipe(Layer.provide(FlakyLive))).pipe(
  Layer.provideMerge(layer(Memory.layer))
)

it.effect("twenty retries over days run in one go", () =>
  Effect.gen(function* () {
    const t0 = performance.now()
    const handle = yield* Client.enqueue(Flaky, { times: 20 })
    const before = yield* drain()
    assert.strictEqual(before.retry, 1)
    assert.strictEqual(before.stopped, "idle")
    const summary = yield* runUntilIdle()
    console.log(performance.now() - t0, summary.elapsedMillis / 3600000, summary.stopped, summary.retry)
    assert.strictEqual(summary.completed, 1)
    assert.strictEqual(yield* Client.awaitResult(handle), 21)
    const second = yield* Client.enqueue(Flaky, { times: 3 })
    assert.strictEqual(yield* runUntil(Client.awaitResult(second)), 4)
    console.log(yield* Clock.currentTimeMillis, performance.now() - t0)
  }).pipe(Effect.provide(App))
)
