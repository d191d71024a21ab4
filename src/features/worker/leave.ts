import * as Effect from "effect/Effect"
import type { QueueControl } from "../../ports/QueueControl.ts"
import type { WorkerState } from "./WorkerState.ts"

/** How long a worker that has ended may take to say so; silent ones are forgotten in time. */
const lastMillis = 2000

/** Takes a worker off the lists of its queues. It must not extend leases any more, or it would be listed again. */
export const leave = (state: WorkerState, control: QueueControl["Service"]): Effect.Effect<void> =>
  Effect.forEach(state.lanes, ({ queue }) => control.removeWorker(queue, state.id), {
    concurrency: 16,
    discard: true
  }).pipe(
    Effect.timeout(lastMillis),
    Effect.catch((error) => Effect.logDebug(`${state.id} could not be taken off the list: ${error.message}`))
  )
