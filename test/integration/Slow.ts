import * as Schema from "effect/Schema"
import { Task } from "winterq"

/** A job that takes longer than its worker lives. */
export class Slow extends Task.make("integration.slow", {
  payload: { name: Schema.String },
  success: Schema.String,
  queue: "slow",
  maxAttempts: 3
}) {}
