// A producer and a worker in two processes, over several queues; what they share is the task definitions and Redis.
//
//   node -C winterq-source examples/two-processes.ts redis://localhost:6379
//
// This process produces, and starts the worker as a child.
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer, Schema } from "effect"
import { Client, Queues, Task, Worker } from "winterq"
import * as Redis from "winterq/redis"

class Thumbnail extends Task.make("image.thumbnail", {
  payload: { file: Schema.String },
  success: Schema.Struct({ by: Schema.Int }),
  queue: "images"
}) {}

class Mail extends Task.make("mail.send", { payload: { to: Schema.String }, success: Schema.Int, queue: "mail" }) {}

const [url = "redis://localhost:6379", prefix = `two-processes-${process.pid}`, role] = process.argv.slice(2)

const BackendLive = Redis.layer({ url, prefix })

const WorkerLive = Worker.layer({
  tasks: [Thumbnail, Mail],
  queues: Queues.weighted({ images: 3, mail: 1 }),
  concurrency: 20
}).pipe(
  Layer.provide([
    Worker.handler(Thumbnail, () => Effect.succeed({ by: process.pid })),
    Worker.handler(Mail, ({ to }) => Effect.succeed(to.length))
  ])
)

const produce = Effect.gen(function* () {
  const child = spawn(process.execPath, ["-C", "winterq-source", import.meta.filename, url, prefix, "worker"], {
    stdio: "inherit"
  })
  const images = yield* Client.enqueueMany(
    Thumbnail,
    Array.from({ length: 50 }, (_, i) => ({ file: `${i}.png` }))
  )
  const mail = yield* Client.enqueue(Mail, { to: "ada@example.org" })

  const done = yield* Effect.forEach(images, Client.awaitResult, { concurrency: "unbounded" })
  yield* Console.log(`${done.filter(({ by }) => by === child.pid).length} thumbnails were made by the other process`)
  yield* Console.log(`the mail took ${yield* Client.awaitResult(mail)} characters`)

  child.kill("SIGTERM")
  const [code] = yield* Effect.promise(() => once(child, "exit"))
  yield* Console.log(code === 130 ? "the worker drained and ended" : `the worker ended with ${code}`)
}).pipe(Effect.provide(Client.layer.pipe(Layer.provideMerge(BackendLive))))

if (role === "worker") Layer.launch(WorkerLive.pipe(Layer.provide(BackendLive))).pipe(NodeRuntime.runMain)
else await Effect.runPromise(produce)

// Output:
// 50 thumbnails were made by the other process
// the mail took 15 characters
// the worker drained and ended
