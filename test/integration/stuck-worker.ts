// A process of its own for tests: starts a job, says so, never ends it, and says when it is interrupted.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Worker } from "winterq"
import * as Redis from "winterq/redis"
import { Slow } from "./Slow.ts"

const [url, prefix] = process.argv.slice(2) as [string, string]

const SlowLive = Worker.handler(Slow, (_, job) =>
  Effect.sync(() => console.log(`started ${job.id} ${job.attempt}`)).pipe(
    Effect.andThen(Effect.never),
    Effect.onInterrupt(() => Effect.sync(() => console.log(`interrupted ${job.id}`)))
  )
)

// a timer holds the process; effects alone do not
setInterval(() => undefined, 1 << 30)
Effect.runFork(
  Layer.launch(
    Worker.layer({ tasks: [Slow], lease: "1 second" }).pipe(
      Layer.provide(SlowLive),
      Layer.provide(Redis.layer({ url, prefix }))
    )
  )
)
