import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Task, Worker } from "winterq"
import type { Ledger } from "../support/Ledger.ts"

/** A job of which nothing is kept when it completes; its padding makes some of them huge. */
export class Chore extends Task.make("faults.chore", {
  payload: { padding: Schema.String },
  queue: "chores",
  maxAttempts: 10
}) {}

export const choreHandler = (ledger: Ledger) =>
  Worker.handler(Chore, (_, job) =>
    Effect.sync(() => {
      const entry = { op: "run", job: job.id, fence: job.token, attempt: job.attempt } as const
      ledger.add({ ...entry, phase: "invoke" })
      ledger.add({ ...entry, phase: "ok" })
    })
  )
