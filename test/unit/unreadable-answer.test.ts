import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Handovers } from "../../src/backends/redis/Handovers.ts"
import { make } from "../../src/backends/redis/job-store.ts"
import type { Queues } from "../../src/backends/redis/Queues.ts"

describe("an exchange whose answer cannot be read", () => {
  it.live("ends, and does not wait for ever", () =>
    Effect.gen(function* () {
      // a reply of too few values
      const send: Queues["send"] = (_script, _queue, _now, _args, answer) => answer.succeed([])
      const queues: Partial<Queues> = { notices: "", nowBy: () => "", send }
      const store = make(queues as Queues, new Handovers())

      const exit = yield* store
        .exchange({ queue: "q", worker: "w", settlements: [] })
        .pipe(Effect.timeout("1 second"), Effect.exit)

      assert.isTrue(Exit.isFailure(exit) && Exit.hasDies(exit))
    })
  )
})
