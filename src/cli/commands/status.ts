import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { connected } from "../connected.ts"
import { queueFlag } from "../flags.ts"
import { queueParts } from "../known-queues.ts"
import { mustExist } from "../must-exist.ts"
import { show } from "../output.ts"
import { queueTable } from "../queue-text.ts"
import { queueShape } from "../shapes.ts"

/** A queue that is known, or its shards. */
const one = Effect.fnUntraced(function* (name: string) {
  const parts = yield* queueParts(name)
  yield* mustExist(name, parts)
  return yield* Effect.forEach(parts, Inspector.queue, { concurrency: 16 })
})

/** Queues at a glance. */
export const status = Command.make("status", { queue: queueFlag.pipe(Flag.optional) }, ({ queue }) =>
  connected(
    Effect.gen(function* () {
      const queues = yield* Option.match(queue, { onNone: () => Inspector.queues, onSome: one })
      yield* show({ queues: queues.map(queueShape) }, (ui) =>
        queues.length === 0 ? "no queues" : queueTable(ui, queues)
      )
    })
  )
).pipe(
  Command.withDescription("Show all queues, or one: what waits, runs, failed, and who works"),
  Command.withExamples([{ command: "winter status --queue mail", description: "One queue" }])
)
