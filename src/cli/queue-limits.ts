import * as Effect from "effect/Effect"
import type { QueueSettings } from "../config/Config.ts"
import * as Inspector from "../features/inspector/Inspector.ts"

/** Puts the limits of the configuration in force; queues that it says nothing of keep theirs. */
export const putLimits = (queues: ReadonlyArray<QueueSettings>) =>
  Effect.forEach(
    queues,
    ({ maxActive, name }) =>
      maxActive === undefined ? Effect.void : Inspector.setLimits(name, maxActive === 0 ? {} : { maxActive }),
    { discard: true }
  )
