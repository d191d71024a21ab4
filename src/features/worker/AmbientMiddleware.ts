import * as Context from "effect/Context"
import type { Middleware } from "./Middleware.ts"

/**
 * Middleware of every worker that is built where it is provided, outside of the worker's own: for tools that watch
 * whole programs.
 *
 * @category testing
 * @since 0.1.0
 */
export const AmbientMiddleware = Context.Reference<ReadonlyArray<Middleware>>(
  "winterq/features/worker/AmbientMiddleware",
  { defaultValue: () => [] }
)
