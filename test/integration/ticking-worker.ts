// A process of its own for tests: a worker that lets schedules tick and runs their jobs, and says when it is up.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Worker } from "winterq"
import * as Redis from "winterq/redis"
import { Tick } from "./Tick.ts"

const [url, prefix] = process.argv.slice(2) as [string, string]

const WorkerLive = Worker.layer({ tasks: [Tick], lease: "1 second", sweep: "1 second" }).pipe(
  Layer.provide(Worker.handler(Tick, () => Effect.sleep("20 millis"))),
  Layer.provide(Redis.layer({ url, prefix }))
)

// a timer holds the process; effects alone do not
setInterval(() => undefined, 1 << 30)
Effect.runFork(
  Layer.launch(
    Layer.merge(WorkerLive, Layer.provide(Layer.effectDiscard(Effect.sync(() => console.log("up"))), WorkerLive))
  )
)
