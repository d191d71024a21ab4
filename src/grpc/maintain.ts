import * as Effect from "effect/Effect"
import { shardsOf } from "../domain/Sharded.ts"
import { sweep } from "../features/maintenance/Maintenance.ts"
import * as Workflows from "../features/workflows/Workflows.ts"
import { QueueControl } from "../ports/QueueControl.ts"
import type { Settings } from "./options.ts"

const concurrency = 4

/** Keeps every queue in order from time to time: promotes, takes back and prunes, and tells workflows what they
 * have not heard, as workers do for theirs. */
export const maintain = ({ policy, queues, sweepMillis }: Pick<Settings, "policy" | "queues" | "sweepMillis">) =>
  Effect.gen(function* () {
    const all = new Set([...queues.flatMap(shardsOf), ...(yield* QueueControl.use((control) => control.queues))])
    // one queue's failure is not another's
    yield* Effect.forEach(
      all,
      (queue) =>
        sweep(queue, policy).pipe(
          Effect.catch((error) => Effect.logWarning(`maintenance of queue ${queue}: ${error.message}`))
        ),
      { concurrency, discard: true }
    )
    yield* Workflows.maintain([...all])
  }).pipe(
    Effect.catch((error) => Effect.logWarning(`maintenance: ${error.message}`)),
    Effect.tapDefect((defect) => Effect.logError("maintenance failed and goes on", defect)),
    Effect.sandbox,
    Effect.ignore,
    Effect.andThen(Effect.sleep(sweepMillis)),
    Effect.forever
  )
