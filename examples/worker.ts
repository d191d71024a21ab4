// A worker process as it runs in production: it serves until SIGTERM, drains, and ends.
//
//   node -C winterq-source examples/worker.ts redis://localhost:6379
//
// Without a URL it runs in memory, sends itself a job and a SIGTERM, and shows what happens.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Effect, Exit, Layer, Schema } from "effect"
import { Client, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"
import * as Redis from "winterq/redis"

class Resize extends Task.make("image.resize", { payload: { file: Schema.String }, queue: "images" }) {}

class Notify extends Task.make("user.notify", { payload: { user: Schema.String }, queue: "mail" }) {}

const url = process.argv[2]

const ResizeLive = Worker.handler(Resize, ({ file }) =>
  Effect.gen(function* () {
    yield* Console.log(`resizing ${file}`)
    if (url === undefined) process.kill(process.pid, "SIGTERM")
    yield* Effect.sleep("200 millis")
    yield* Console.log(`resized ${file}`)
  })
)

const NotifyLive = Worker.handler(Notify, ({ user }) => Console.log(`notified ${user}`))

// 20 seconds to drain, and at most 10 to clean up and to record: within the 30 that most platforms give
const WorkerLive = Worker.layer({ tasks: [Resize, Notify], concurrency: 50, drain: "20 seconds" }).pipe(
  Layer.provide([ResizeLive, NotifyLive])
)

/** Handlers can enqueue as well: they find the client in their context. */
const SeedLive = Layer.effectDiscard(
  url === undefined ? Client.enqueue(Resize, { file: "ada.png" }) : Console.log("waiting for jobs")
)

const AppLive = Layer.merge(WorkerLive, SeedLive).pipe(
  Layer.provideMerge(Client.layer),
  Layer.provide(url === undefined ? Memory.layer : Redis.layer({ url }))
)

Layer.launch(AppLive).pipe(
  Effect.ensuring(Console.log("ended")),
  // stopped as it should be is no failure: without this the exit code would be 130
  NodeRuntime.runMain({
    teardown: (exit, onExit) => {
      onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
    }
  })
)

// Output:
// resizing ada.png
// resized ada.png
// ended
