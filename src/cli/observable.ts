import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Health from "../features/health/Health.ts"
import * as Telemetry from "../features/telemetry/Telemetry.ts"
import type { CannotListen } from "./errors.ts"
import type { HttpOptions } from "./http-options.ts"
import type { Phase } from "./http.ts"

/**
 * Serves metrics and probes of a service while it starts, runs and stops, when that is asked for. They come first and go
 * last.
 */
export const observable = <A, E, R>(
  options: HttpOptions | undefined,
  service: Layer.Layer<A, E, R>
): Layer.Layer<A, E | CannotListen, R> => {
  if (options === undefined) return service
  const phase: Phase = { now: "starting" }
  const whileUp = Effect.acquireRelease(
    Effect.sync(() => (phase.now = "up")),
    () => Effect.sync(() => (phase.now = "stopping"))
  )
  // read only here: Effect's HTTP server is not small
  const endpoint = Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./http.ts")),
      ({ endpoint }) => endpoint(options, phase)
    )
  )
  return Layer.effectDiscard(whileUp).pipe(
    Layer.provideMerge(service),
    Layer.provide(endpoint),
    Layer.provide([Health.layer, Telemetry.layer()])
  )
}

/** Measures queues, those that the workers of this process serve or else all, when metrics are served. */
export const measured = <A, E, R>(
  options: HttpOptions | undefined,
  which: "served" | "all",
  service: Layer.Layer<A, E, R>
) => {
  if (options === undefined) return service
  const served = Effect.map(Health.statuses, (statuses) => [...new Set(statuses.flatMap(({ queues = [] }) => queues))])
  // looked at first when workers are there
  return Layer.provideMerge(Telemetry.queueGauges(which === "all" ? {} : { queues: served }), service)
}
