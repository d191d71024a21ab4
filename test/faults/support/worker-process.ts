// A process of its own for the fault suite: a worker that does deeds until it is told to stop, or is killed.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Worker } from "winterq"
import * as Redis from "winterq/redis"
import { Deed, deedHandler } from "./Deed.ts"
import { Ledger } from "./Ledger.ts"
import { shiftedClock } from "./shifted-clock.ts"
import type { ProcessOptions } from "./worker-processes.ts"

const options = JSON.parse(process.argv[2]!) as ProcessOptions
const ledger = new Ledger(options.ledger)

const WorkerLive = Worker.layer({
  tasks: [Deed],
  lease: "1 second",
  sweep: "200 millis",
  poll: "300 millis",
  drain: "200 millis",
  ...options.worker
}).pipe(
  Layer.provide(deedHandler(ledger)),
  Layer.provide(Redis.layer({ url: options.url, prefix: options.prefix, timeout: options.timeout ?? "2 seconds" }))
)

const program = Effect.gen(function* () {
  yield* Layer.build(WorkerLive)
  ledger.add({ op: "say", phase: "ok", job: "", note: `up ${options.name}` })
  return yield* Effect.never
}).pipe(Effect.scoped)

NodeRuntime.runMain(
  options.clockShiftMillis === undefined
    ? program
    : Effect.provideService(
        program,
        Clock.Clock,
        shiftedClock(() => options.clockShiftMillis!)
      )
)
