// One task, one handler, one job. Runs without any server.
//
//   node -C winterq-source examples/quickstart.ts
import { Deferred, Effect, Layer, Schema } from "effect"
import { Client, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class SendEmail extends Task.make("email.send", {
  payload: { to: Schema.String, subject: Schema.String },
  queue: "mail",
  maxAttempts: 10,
  timeout: "30 seconds"
}) {}

const program = Effect.gen(function* () {
  const sent = yield* Deferred.make<string>()

  const SendEmailLive = Worker.handler(SendEmail, ({ subject, to }, job) =>
    Deferred.succeed(sent, `attempt ${job.attempt}: "${subject}" sent to ${to}`)
  )
  const WorkerLive = Worker.layer({ tasks: [SendEmail], concurrency: 100 }).pipe(Layer.provide(SendEmailLive))

  yield* Effect.gen(function* () {
    yield* Client.enqueue(SendEmail, { to: "ada@example.org", subject: "Hello" })
    console.log(yield* Deferred.await(sent))
  }).pipe(Effect.provide(WorkerLive))
})

// Redis.layer({ url: "redis://localhost:6379" }) from "winterq/redis" is the only change for production.
await Effect.runPromise(program.pipe(Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer)))))

// Output:
// attempt 1: "Hello" sent to ada@example.org
