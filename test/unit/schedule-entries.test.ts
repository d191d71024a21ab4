import * as Schema from "effect/Schema"
import { assert, it } from "vitest"
import { Schedules, Task } from "winterq"

class Report extends Task.make("types.report", { payload: { full: Schema.Boolean } }) {}
class Empty extends Task.make("types.empty", { payload: {} }) {}
class Nothing extends Task.make("types.nothing", { payload: Schema.Void }) {}
class Optional extends Task.make("types.optional", { payload: { full: Schema.optionalKey(Schema.Boolean) } }) {}

it("an entry without a payload compiles only when the payload may be empty", () => {
  const entries = [
    Schedules.entry("report", Report, { cron: "@daily", payload: { full: true } }),
    // @ts-expect-error the payload is missing
    Schedules.entry("missing", Report, { cron: "@daily" }),
    // @ts-expect-error the payload does not fit
    Schedules.entry("wrong", Report, { cron: "@daily", payload: { full: "yes" } }),
    // @ts-expect-error there is neither a cron expression nor an interval
    Schedules.entry("never", Empty, {}),
    Schedules.entry("empty", Empty, { every: "1 hour" }),
    Schedules.entry("nothing", Nothing, { every: "1 hour" }),
    Schedules.entry("optional", Optional, { every: "1 hour" })
  ]

  assert.lengthOf(entries, 7)
})
