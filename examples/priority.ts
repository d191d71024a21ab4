// Priorities within one queue: lower numbers first, and in the order of enqueueing among equals.
//
//   node -C winterq-source examples/priority.ts
import { Console, Effect, Layer, Schema } from "effect"
import { Client, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Print extends Task.make("print", { payload: { text: Schema.String }, success: Schema.Void }) {}

class Alarm extends Task.make("alarm", { payload: { text: Schema.String }, priority: 0 }) {}

const HandlersLive = Layer.mergeAll(
  Worker.handler(Print, ({ text }, job) => Console.log(`${job.priority}: ${text}`)),
  Worker.handler(Alarm, ({ text }, job) => Console.log(`${job.priority}: ${text}`))
)

const WorkerLive = Worker.layer({ tasks: [Print, Alarm], concurrency: 1 }).pipe(Layer.provide(HandlersLive))

const program = Effect.gen(function* () {
  yield* Client.enqueue(Print, { text: "the first of many" })
  yield* Client.enqueue(Print, { text: "the second of many" })
  const last = yield* Client.enqueue(Print, { text: "whenever there is time" }, { priority: 9 })
  yield* Client.enqueue(Alarm, { text: "at once, whoever waits" })
  yield* Client.enqueue(Print, { text: "before the many" }, { priority: 1 })

  yield* Effect.provide(Client.awaitResult(last), WorkerLive)
})

await Effect.runPromise(program.pipe(Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer)))))

// Output:
// 0: at once, whoever waits
// 1: before the many
// 5: the first of many
// 5: the second of many
// 9: whenever there is time
