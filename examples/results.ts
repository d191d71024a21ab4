// Waiting for results: typed success, typed error, cancelling from outside, progress.
//
//   node -C winterq-source examples/results.ts
import { Console, Effect, Layer, References, Schema } from "effect"
import { Client, JobStore, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", { limit: Schema.Int }) {}

class Render extends Task.make("video.render", {
  payload: { seconds: Schema.Int },
  success: Schema.Struct({ url: Schema.String, renderedAt: Schema.Date }),
  error: TooLarge,
  maxAttempts: 1
}) {}

const RenderLive = Worker.handler(Render, ({ seconds }, job) =>
  Effect.gen(function* () {
    if (seconds > 3600) return yield* Effect.fail(new TooLarge({ limit: 3600 }))
    yield* job.setProgress(0.5)
    yield* job.log("half way")
    if (seconds === 0) return yield* Effect.never
    return { url: `https://example.org/${seconds}.mp4`, renderedAt: new Date(0) }
  })
)

const program = Effect.gen(function* () {
  const short = yield* Client.enqueue(Render, { seconds: 60 })
  const { renderedAt, url } = yield* Client.awaitResult(short)
  yield* Console.log(`short: ${url}, ${renderedAt.toISOString()}`)

  const long = yield* Client.enqueue(Render, { seconds: 7200 })
  yield* Client.awaitResult(long).pipe(
    Effect.catchTag("TooLarge", ({ limit }) => Console.log(`long: over ${limit} seconds`))
  )

  const endless = yield* Client.enqueue(Render, { seconds: 0 })
  const store = yield* JobStore
  yield* store.logs(endless.queue, endless.id).pipe(Effect.repeat({ until: (lines) => lines.length > 0 }))
  yield* Client.cancel(endless, "nobody watches it")
  yield* Client.awaitResult(endless).pipe(
    Effect.catchTag("JobCancelled", ({ reason }) => Console.log(`endless: cancelled, ${reason}`))
  )

  const missing = yield* Effect.flip(Client.awaitResult({ ...short, id: "unknown" }))
  yield* Console.log(`unknown: ${missing._tag}`)
})

const WorkerLive = Worker.layer({ tasks: [Render] }).pipe(Layer.provide(RenderLive))

await Effect.runPromise(
  program.pipe(
    Effect.provide(Layer.mergeAll(Client.layer, WorkerLive).pipe(Layer.provideMerge(Memory.layer))),
    // the worker warns of the job that dies
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
)

// Output:
// short: https://example.org/60.mp4, 1970-01-01T00:00:00.000Z
// long: over 3600 seconds
// endless: cancelled, nobody watches it
// unknown: JobMissing
