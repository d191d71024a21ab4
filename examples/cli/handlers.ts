// What `winter worker --module examples/cli/handlers.ts` runs: the tasks, the layer of their handlers, and any option
// of Worker.layer. Flags and the configuration file come before what stands here.
import { Effect, Layer, Schema } from "effect"
import { Client, Task, Worker, type WorkerOptions } from "winterq"

class Greet extends Task.make("greet", {
  payload: { name: Schema.String },
  success: Schema.Struct({ greeting: Schema.String })
}) {}

class GreetAll extends Task.make("greet.all", { payload: { names: Schema.Array(Schema.String) } }) {}

class Fail extends Task.make("fail", { payload: { times: Schema.Int }, maxAttempts: 2 }) {}

const handlers = Layer.mergeAll(
  Worker.handler(Greet, ({ name }, job) =>
    Effect.gen(function* () {
      yield* job.log(`greeting ${name}`)
      yield* Effect.sleep("20 millis")
      return { greeting: `hello ${name}` }
    })
  ),
  // handlers may enqueue more jobs: the command line provides the client
  Worker.handler(GreetAll, ({ names }) =>
    Client.enqueueMany(
      Greet,
      names.map((name) => ({ name }))
    )
  ),
  Worker.handler(Fail, ({ times }, job) => (job.attempt <= times ? Effect.fail("not yet") : Effect.void))
)

const tasks = [Greet, GreetAll, Fail] as const

export default { tasks, handlers, concurrency: 5 } satisfies WorkerOptions<typeof tasks> & {
  handlers: typeof handlers
}
