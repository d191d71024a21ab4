import * as Schema from "effect/Schema"
import { Task } from "winterq"

/** What the ticking workers run; kept, so that ticks can be counted afterwards. */
export class Tick extends Task.make("integration.tick", {
  payload: Schema.Struct({}),
  queue: "ticks",
  retention: "1 hour"
}) {}
