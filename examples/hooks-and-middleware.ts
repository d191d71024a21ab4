// Middleware that takes part, hooks that watch, and a handler that enqueues the next job.
//
//   node -C winterq-source examples/hooks-and-middleware.ts
import { Console, Context, Deferred, Effect, Layer, References, Schema } from "effect"
import { Backoff, Client, type Hooks, Middleware, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Resize extends Task.make("image.resize", {
  payload: { file: Schema.String },
  queue: "images",
  maxAttempts: 2,
  backoff: Backoff.fixed("20 millis")
}) {}

class Publish extends Task.make("image.publish", { payload: { file: Schema.String }, queue: "images" }) {}

/** What a middleware provides, and handlers use: here who the job is for. */
const Tenant = Context.Reference<string>("example/Tenant", { defaultValue: () => "nobody" })

/** A service that a middleware requires; the worker's layer then requires it, too. */
class Tenants extends Context.Service<Tenants, { readonly of: (jobId: string) => string }>()("example/Tenants") {
  static readonly layer = Layer.succeed(Tenants, { of: (jobId) => jobId.split(":")[0] ?? "nobody" })
}

const withTenant = Middleware.make((next, job) =>
  Effect.flatMap(Tenants, (tenants) => Effect.provideService(next, Tenant, tenants.of(job.id)))
)

const announced: Middleware = (next, job) =>
  Effect.andThen(Console.log(`${job.kind} ${job.id}, attempt ${job.attempt}`), next)

const ResizeLive = Worker.handler(Resize, ({ file }, job) =>
  Effect.gen(function* () {
    if (job.attempt === 1) return yield* Effect.fail(new Error("out of memory"))
    // a handler that enqueues requires Client
    yield* Client.enqueue(Publish, { file }, { id: `${yield* Tenant}:publish` })
  })
)

const PublishLive = Worker.handler(Publish, ({ file }) =>
  Effect.flatMap(Tenant, (tenant) => Console.log(`  ${file} of ${tenant} is online`))
)

const program = Effect.gen(function* () {
  const published = yield* Deferred.make<void>()

  const hooks: Hooks = {
    onError: ({ delayMillis, error, jobId }) =>
      Console.log(`  hook: ${jobId} failed, again in ${delayMillis} ms: ${error.split("\n")[0]}`),
    onComplete: ({ job, jobId }) =>
      Effect.andThen(
        Console.log(`  hook: ${jobId} is complete`),
        job.kind === Publish.kind ? Deferred.succeed(published, undefined) : Effect.void
      )
  }

  const WorkerLive = Worker.layer({ tasks: [Resize, Publish], middleware: [announced, withTenant], hooks }).pipe(
    Layer.provide([ResizeLive, PublishLive, Tenants.layer])
  )

  yield* Effect.gen(function* () {
    yield* Client.enqueue(Resize, { file: "cat.png" }, { id: "acme:resize" })
    yield* Deferred.await(published)
  }).pipe(Effect.provide(WorkerLive))
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer))),
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
)

// Output:
// image.resize acme:resize, attempt 1
//   hook: acme:resize failed, again in 20 ms: Error: out of memory
// image.resize acme:resize, attempt 2
//   hook: acme:resize is complete
// image.publish acme:publish, attempt 1
//   cat.png of acme is online
//   hook: acme:publish is complete
