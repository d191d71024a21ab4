import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Task, Worker, Workflows } from "winterq"

/** A member of a large group, and the callback that adds them up. */
export class Part extends Task.make("integration.part", {
  payload: { n: Schema.Int },
  success: Schema.Int,
  queue: "parts",
  maxAttempts: 5
}) {}

export class Sum extends Task.make("integration.sum", {
  payload: {},
  success: Schema.Int,
  queue: "sums",
  maxAttempts: 5
}) {}

/** A worker of both queues; `ran` hears of every start of a handler. */
export const workOnParts = (ran: (what: string) => void) => {
  const PartLive = Worker.handler(Part, ({ n }) =>
    Effect.sync(() => {
      ran(`part ${n}`)
      return n
    })
  )
  const SumLive = Worker.handler(Sum, (_, job) =>
    Effect.gen(function* () {
      ran("sum")
      return (yield* Workflows.parentResults(Part, job)).reduce((sum, part) => sum + part, 0)
    })
  )
  return Worker.layer({ tasks: [Part, Sum], concurrency: 4, lease: "1 second", sweep: "1 second", log: false }).pipe(
    Layer.provide([PartLive, SumLive])
  )
}
