// A worker process of the long fault run. It is told by messages to block its event loop or to move its clock.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Worker } from "winterq"
import * as Redis from "winterq/redis"
import { block, Deed, deedHandler } from "../support/Deed.ts"
import { Ledger } from "../support/Ledger.ts"
import { shiftedClock } from "../support/shifted-clock.ts"
import { Chore, choreHandler } from "./Chore.ts"
import { leaseMillis, type Message, type Place } from "./fleet.ts"

const place = JSON.parse(process.argv[2]!) as Place
const ledger = new Ledger(place.ledger)
let shift = 0

process.on("message", (message: Message) => {
  if (message.tell === "block") block(message.millis)
  else if (message.tell === "shift") shift = message.millis
})

const WorkerLive = Worker.layer({
  tasks: [Deed, Chore],
  lease: leaseMillis,
  sweep: "500 millis",
  poll: "500 millis",
  drain: "1 second",
  concurrency: 10
}).pipe(
  Layer.provide(Layer.merge(deedHandler(ledger), choreHandler(ledger))),
  Layer.provide(Redis.layer({ url: place.url, timeout: "2 seconds" }))
)

/** A start during an outage fails, and is made again, as a supervisor would. */
const program = Layer.launch(WorkerLive).pipe(
  Effect.retry({ while: () => Effect.as(Effect.sleep("200 millis"), true) })
)

NodeRuntime.runMain(
  Effect.provideService(
    program,
    Clock.Clock,
    shiftedClock(() => shift)
  )
)
