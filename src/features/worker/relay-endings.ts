import * as Effect from "effect/Effect"
import { relay } from "../workflows/Workflows.ts"
import { sayFailure } from "./say-failure.ts"
import type { WorkerState } from "./WorkerState.ts"

/** How long a worker that ends may take to tell the last workflows; others do it otherwise. */
const lastMillis = 5000

/**
 * Tells workflows what became of their members as soon as the store has recorded it. When that fails, or this process
 * dies, the store hands the endings to somebody else.
 */
export const relayLoop = ({ relay: waiting }: WorkerState) =>
  Effect.gen(function* () {
    yield* waiting.look.await
    yield* relay(waiting.take()).pipe(
      Effect.catch(sayFailure("workflows")),
      // what a bug has kept from being told is left to others, and nobody waits for it
      Effect.ensuring(Effect.sync(() => waiting.done()))
    )
  }).pipe(Effect.forever)

export const relayed = ({ relay: waiting }: WorkerState): Effect.Effect<void> =>
  waiting.idle.await.pipe(Effect.timeoutOption(lastMillis), Effect.asVoid)
