import * as Effect from "effect/Effect"
import { shardsOf } from "../domain/Sharded.ts"
import { sweep } from "../features/maintenance/Maintenance.ts"
import * as Workflows from "../features/workflows/Workflows.ts"
import { QueueControl } from "../ports/QueueControl.ts"
import type { StoreErrorReason } from "../ports/StoreError.ts"
import type { Contact } from "./Contact.ts"
import type { Settings } from "./options.ts"

const concurrency = 4

/** While the store does not answer, it is asked more often: health is to tell soon that it is back. */
const outMillis = 1000

const isOut = (reason: StoreErrorReason): boolean => reason === "unavailable"

/** Keeps every queue in order from time to time: promotes, takes back and prunes, and tells workflows what they
 * have not heard, as workers do for theirs. */
export const maintain = (
  { policy, queues, sweepMillis }: Pick<Settings, "policy" | "queues" | "sweepMillis">,
  contact: Contact
) =>
  Effect.gen(function* () {
    const known = yield* contact.note(QueueControl.use((control) => control.queues))
    const all = new Set([...queues.flatMap(shardsOf), ...known])
    // one queue's failure is not another's
    yield* Effect.forEach(
      all,
      (queue) =>
        contact
          .note(sweep(queue, policy), isOut)
          .pipe(Effect.catch((error) => Effect.logWarning(`maintenance of queue ${queue}: ${error.message}`))),
      { concurrency, discard: true }
    )
    yield* Workflows.maintain([...all])
  }).pipe(
    Effect.catch((error) => Effect.logWarning(`maintenance: ${error.message}`)),
    Effect.andThen(
      Effect.suspend(() => Effect.sleep(contact.problem === undefined ? sweepMillis : Math.min(outMillis, sweepMillis)))
    ),
    Effect.forever
  )
