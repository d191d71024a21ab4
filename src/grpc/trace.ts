import type { Metadata } from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import { externalSpan } from "../features/telemetry/Tracing.ts"

const headerOf = (metadata: Metadata, name: string): string => {
  const [value] = metadata.get(name)
  return typeof value === "string" ? value : ""
}

/** What is enqueued belongs to the caller's trace, when the call carries one. **Ref** TRACE-1 */
export const inCallersTrace = <A, E, R>(
  metadata: Metadata,
  enqueue: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const tracestate = headerOf(metadata, "tracestate")
  const span = externalSpan({
    traceparent: headerOf(metadata, "traceparent"),
    ...(tracestate === "" ? {} : { tracestate })
  })
  return span === undefined ? enqueue : Effect.withParentSpan(enqueue, span, { captureStackTrace: false })
}
