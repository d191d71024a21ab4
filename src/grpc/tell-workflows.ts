import * as Effect from "effect/Effect"
import type { Loops } from "../features/loops/Loops.ts"
import { EndingsRelay } from "../features/worker/EndingsRelay.ts"
import { relay } from "../features/workflows/Workflows.ts"
import { JobStore } from "../ports/JobStore.ts"

/** How long a server that stops may take to tell the last workflows; others do it otherwise. */
const lastMillis = 5000

/**
 * The store, from which every ending of a workflow's member that calls bring about is told to its workflow at once. When
 * that fails, or the server dies, the store hands the endings to somebody else.
 */
export const tellWorkflows = Effect.fnUntraced(function* (loops: Loops) {
  const store = yield* JobStore
  const waiting = new EndingsRelay()
  yield* loops.fork(
    "relay of workflows",
    Effect.gen(function* () {
      yield* waiting.look.await
      yield* relay(waiting.take()).pipe(
        Effect.catch((error) => Effect.logWarning(`workflows: ${error.message}`)),
        // what a bug has kept from being told is left to others, and nobody waits for it
        Effect.ensuring(Effect.sync(() => waiting.done()))
      )
    }).pipe(Effect.forever)
  )
  yield* Effect.addFinalizer(() => Effect.timeoutOption(waiting.idle.await, lastMillis))
  return JobStore.of({
    ...store,
    exchange: (request) =>
      Effect.tap(store.exchange(request), ({ endings }) =>
        endings.length === 0 ? Effect.void : Effect.sync(() => waiting.add(request.queue, endings))
      )
  })
})
