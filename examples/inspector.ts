// Looks into a queue: depths, workers, a job with its ledger and log, rates; and redrives some dead letters.
//
//   node -C winterq-source examples/inspector.ts
import { Console, Deferred, Effect, Layer, Logger, Option, Schema, Stream } from "effect"
import { Client, DeadLetters, Inspector, SkipRetry, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Resize extends Task.make("image.resize", {
  payload: { file: Schema.String },
  queue: "images",
  retention: "1 hour"
}) {}

const until = <E, R>(isSo: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function* () {
    while (!(yield* isSo)) yield* Effect.sleep("10 millis")
  }).pipe(Effect.timeout("20 seconds"))

const program = Effect.gen(function* () {
  const gate = yield* Deferred.make<void>()
  const ResizeLive = Worker.handler(Resize, ({ file }, job) =>
    Effect.gen(function* () {
      yield* job.log(`resizing ${file}`)
      if (file.endsWith(".txt")) return yield* Effect.fail(new SkipRetry({ error: "not an image" }))
      if (file === "huge.png") yield* Deferred.await(gate)
    })
  )
  // heartbeats come three times in a lease: a short one for the sake of the example
  const WorkerLive = Worker.layer({ tasks: [Resize], concurrency: 2, lease: "600 millis" }).pipe(
    Layer.provide(ResizeLive)
  )

  yield* Inspector.pause("images")
  for (const file of ["a.png", "b.txt", "c.txt", "huge.png"]) {
    yield* Client.enqueue(Resize, { file }, { id: file, tags: [file.split(".")[1]!] })
  }
  const before = yield* Inspector.queue("images")
  yield* Console.log(`paused: ${before.paused}, pending: ${before.depths.pending}, next: ${before.next?.id}`)

  yield* Effect.gen(function* () {
    yield* Inspector.resume("images")
    // what a worker does shows with its next heartbeat
    yield* until(Effect.map(Inspector.rates("images"), ({ completed, failed }) => completed + failed === 3))
    yield* until(Effect.map(Inspector.workers("images"), ([worker]) => worker?.details?.running === 1))

    const [worker] = yield* Inspector.workers("images")
    yield* Console.log(`alive: ${worker?.alive}, busy with: ${worker?.details?.jobs.map(({ id }) => id).join(", ")}`)
    const { completed, failed } = yield* Inspector.rates("images")
    yield* Console.log(`last minute: ${completed} completed, ${failed} failed`)

    const found = Option.getOrThrow(yield* Inspector.find("b.txt"))
    yield* Console.log(`${found.job.state}: ${found.job.failures[0]?.error}; log: ${found.logs.join(", ")}`)

    const texts = Inspector.jobsStream({ queue: "images", state: "dead", tag: "txt" })
    yield* Console.log(
      `dead texts: ${(yield* Stream.runCollect(texts))
        .map(({ id }) => id)
        .toSorted()
        .join(", ")}`
    )

    const filter: DeadLetters.Filter = { reason: "skipped", errorIncludes: "not an image" }
    const dry = yield* DeadLetters.purgeWhere("images", filter, { dryRun: true })
    const purged = yield* DeadLetters.purgeWhere("images", filter)
    yield* Console.log(`would purge ${dry.matched}, purged ${purged.done}`)

    yield* Deferred.succeed(gate, undefined)
    yield* until(Effect.map(Inspector.queue("images"), ({ depths }) => depths.completed === 2))
  }).pipe(Effect.provide(WorkerLive))

  const after = yield* Inspector.queue("images")
  yield* Console.log(`completed: ${after.counters.completed}, died: ${after.counters.died}, workers: ${after.workers}`)
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer))),
    // warnings tell of failed attempts; they go to stderr
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]))
  )
)

// Output:
// paused: true, pending: 4, next: a.png
// alive: true, busy with: huge.png
// last minute: 1 completed, 2 failed
// dead: not an image; log: resizing b.txt
// dead texts: b.txt, c.txt
// would purge 2, purged 2
// completed: 2, died: 2, workers: 0
