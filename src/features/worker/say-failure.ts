import * as Effect from "effect/Effect"
import type { StoreError } from "../../ports/StoreError.ts"

/** Tells of a failed call that will be made again. A store that is out of reach tells of that itself, once. */
export const sayFailure =
  (what: string) =>
  (error: StoreError): Effect.Effect<void> =>
    error.reason === "unavailable"
      ? Effect.logDebug(`${what}: ${error.message}`)
      : Effect.logWarning(`${what}: ${error.message}`)
