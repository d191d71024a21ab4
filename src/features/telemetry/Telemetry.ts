import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Settings } from "./Settings.ts"

export { queueGauges, type QueueGaugesOptions } from "./queue-gauges.ts"

/** What is measured and traced. */
export interface TelemetryOptions {
  /** Whether jobs are counted and timed with Effect's `Metric`; true when left out. */
  readonly metrics?: boolean
  /**
   * `auto`: attempts are traced when their job was enqueued inside a trace. `always`: every attempt has a span.
   * `off`: no spans, and jobs carry no trace. `auto` when left out.
   */
  readonly tracing?: "auto" | "always" | "off"
  /**
   * How the span of an attempt points at the caller of `enqueue`: as its parent, in one trace; or by a link, in a trace
   * of its own, for jobs that run long after or by the thousand. `parent` when left out.
   */
  readonly producer?: "parent" | "link"
}

/**
 * Turns telemetry on for the workers and clients it is provided to. Without it there are no metrics, and traces are
 * followed as with `auto`.
 *
 * **Shape** `Worker.layer(...).pipe(Layer.provide(Telemetry.layer()))`; the same for `Client.layer`. Spans go to the
 * `Tracer`, metrics to the `MetricRegistry` of the program: `Otlp.layerJson` of `effect/observability` exports both.
 * **Units** metrics named `_seconds` are in seconds; durations are measured with Effect's Clock.
 * **Example** examples/telemetry.ts
 * **Ref** docs/semantics.md TRACE-1..6, METRIC-1..4; OpenTelemetry "Semantic conventions for messaging"
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: TelemetryOptions = {}): Layer.Layer<never> =>
  Layer.succeed(Settings, {
    metrics: options.metrics ?? true,
    tracing: options.tracing ?? "auto",
    producer: options.producer ?? "parent"
  })

/**
 * Renders all metrics of the program as a Prometheus text, for a route of any HTTP server.
 *
 * **Shape** With Effect's own server there is less to write: `PrometheusMetrics.layerHttp({ path: "/metrics" })` of
 * `effect/observability` mounts the same text on an `HttpRouter`. The content type is
 * `text/plain; version=0.0.4; charset=utf-8`.
 * **Example** examples/telemetry.ts
 * @category layers
 * @since 0.1.0
 */
export const prometheusText = (options: { readonly prefix?: string } = {}): Effect.Effect<string> =>
  // loaded when asked for: it brings Effect's HTTP server along
  Effect.flatMap(
    Effect.promise(() => import("effect/observability/PrometheusMetrics")),
    ({ format }) => format(options)
  )
