import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Tracer from "effect/Tracer"
import { Cancel, Snooze } from "../../domain/Steering.ts"
import type { Settings } from "./Settings.ts"

/** What a span says of a job. */
interface TracedJob {
  readonly id: string
  readonly queue: string
  readonly kind: string
  readonly attempt: number
  readonly headers: Readonly<Record<string, string>>
}

/** The vendor's part of a trace context, carried on as it came. Effect's spans have no place of their own for it. */
const TraceState = Context.Reference<string | undefined>("winterq/features/telemetry/TraceState", {
  defaultValue: () => undefined
})

const spanOf = (span: Tracer.AnySpan): Option.Option<Tracer.AnySpan> =>
  span._tag === "Span" ? span.parent : Option.none()

/** The nearest span, from this one up, of which it is so. */
const nearest = (
  start: Tracer.AnySpan | undefined,
  isSo: (span: Tracer.AnySpan) => boolean
): Tracer.AnySpan | undefined => {
  let span = start
  while (span !== undefined && !isSo(span)) span = Option.getOrUndefined(spanOf(span))
  return span
}

/** Whether spans made here reach anybody. Effect's own tracer keeps them to itself. */
const isCollected = (tracer: Tracer.Tracer | undefined): boolean =>
  tracer !== undefined && tracer !== Tracer.nativeTracer

const propagates = (span: Tracer.AnySpan): boolean => !Context.get(span.annotations, Tracer.DisablePropagation)

/** The span that a job enqueued here comes from; absent when nobody would ever see it. */
const producerOf = (fiber: Fiber.Fiber<unknown, unknown>): Tracer.AnySpan | undefined => {
  const { span, tracer, tracerEnabled } = fiber.cache
  if (span === undefined || !tracerEnabled || fiber.getRef(Tracer.DisablePropagation)) return undefined
  // what came from another process is seen there, whatever is collected here
  const found = nearest(span, (one) => propagates(one) && (isCollected(tracer) || one._tag === "ExternalSpan"))
  return found?.sampled ? found : undefined
}

/**
 * Headers that carry the caller's trace with a job; none when nobody traces.
 *
 * **Ref** TRACE-1; W3C Trace Context
 */
export const traceHeaders = (fiber: Fiber.Fiber<unknown, unknown>): Readonly<Record<string, string>> | undefined => {
  const span = producerOf(fiber)
  if (span === undefined) return undefined
  const state = nearest(span, (one) => Context.get(one.annotations, TraceState) !== undefined)
  const tracestate = state && Context.get(state.annotations, TraceState)
  return {
    traceparent: `00-${span.traceId.padStart(32, "0")}-${span.spanId}-01`,
    ...(tracestate === undefined ? {} : { tracestate })
  }
}

const maxTraceState = 8192

// later versions of the format may only add fields at the end
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** The span of another process that W3C headers name; absent when they name none. */
export const externalSpan = (headers: TracedJob["headers"]): Tracer.ExternalSpan | undefined => {
  const [, traceId, spanId, flags] = traceparent.exec(headers["traceparent"] ?? "") ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  // the standard asks for 512 characters; what is far longer is no state of a trace
  const tracestate = (headers["tracestate"]?.length ?? 0) > maxTraceState ? undefined : headers["tracestate"]
  return Tracer.externalSpan({
    traceId,
    spanId,
    sampled: (Number.parseInt(flags, 16) & 1) === 1,
    ...(tracestate === undefined ? {} : { annotations: Context.make(TraceState, tracestate) })
  })
}

const attributesOf = (operation: "send" | "process", queue: string) => ({
  "messaging.system": "winterq",
  "messaging.destination.name": queue,
  "messaging.operation.name": operation,
  "messaging.operation.type": operation
})

const errorType = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return "_OTHER"
  if ("_tag" in error && typeof error._tag === "string") return error._tag
  return error instanceof Error ? error.name : "_OTHER"
}

/** Reading what was thrown runs its own code, which may throw again; a span ends all the same. */
const reading = <A>(read: () => A, otherwise: A): A => Result.getOrElse(Result.try(read), () => otherwise)

/** Ends a span as its attempt ended; a job put off or called off by its handler is no error. */
const endSpan = (span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.clockWith((clock) =>
    Effect.sync(() => {
      let told: Exit.Exit<unknown, unknown> = exit
      if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
        const error = Cause.squash(exit.cause)
        const steering = reading(() => error instanceof Snooze || error instanceof Cancel, false)
        if (steering) {
          span.attribute("winterq.steering", (error as Snooze | Cancel)._tag)
          told = Exit.void
        } else
          span.attribute(
            "error.type",
            reading(() => errorType(error), "_OTHER")
          )
      }
      span.end(clock.currentTimeNanosUnsafe(), told)
    })
  )

const within = <A, E, R>(span: Tracer.Span, effect: Effect.Effect<A, E, R>) =>
  Effect.onExit(Effect.withParentSpan(effect, span, { captureStackTrace: false }), (exit) => endSpan(span, exit))

/** The spans of one client: `send <queue>` around each enqueue whose caller is traced. */
export const sending =
  (settings: Settings) =>
  <A, E>(queue: string, jobs: number, enqueue: Effect.Effect<A, E>): Effect.Effect<A, E> => {
    if (settings.tracing === "off") return Effect.provideService(enqueue, Tracer.DisablePropagation, true)
    return Effect.withFiber((fiber) => {
      // checked first, and cheap: most callers trace nothing
      if (fiber.cache.span === undefined || !isCollected(fiber.cache.tracer) || producerOf(fiber) === undefined) {
        return enqueue
      }
      const attributes = { ...attributesOf("send", queue), "messaging.batch.message_count": jobs }
      return Effect.flatMap(Effect.makeSpan(`send ${queue}`, { kind: "producer", attributes }), (span) =>
        within(span, enqueue)
      )
    })
  }

/** The spans of one worker: `process <queue>` around an attempt whose job carries a trace, or around every one. */
export class Processing {
  readonly #always: boolean
  readonly #off: boolean
  readonly #linked: boolean
  readonly #worker: string
  readonly #collected: boolean

  constructor(settings: Settings, services: Context.Context<never>, worker: string) {
    this.#always = settings.tracing === "always"
    this.#off = settings.tracing === "off"
    this.#linked = settings.producer === "link"
    this.#collected = isCollected(Context.get(services, Tracer.Tracer))
    this.#worker = worker
  }

  /** Whether `trace` may have anything to do for a job. */
  wants(job: TracedJob): boolean {
    return this.#always || (!this.#off && job.headers["traceparent"] !== undefined)
  }

  /** **Ref** TRACE-2..5 */
  trace<A, E>(attempt: Effect.Effect<A, E>, job: TracedJob): Effect.Effect<A, E> {
    const producer = externalSpan(job.headers)
    if (producer === undefined && !this.#always) return attempt
    // nobody collects here, but what the handler enqueues still belongs to the trace
    if (!this.#collected) return producer === undefined ? attempt : Effect.withParentSpan(attempt, producer)
    const parent = producer === undefined || this.#linked ? { root: true } : { parent: producer }
    const links = producer !== undefined && this.#linked ? [{ span: producer, attributes: {} }] : []
    const attributes = {
      ...attributesOf("process", job.queue),
      "messaging.message.id": job.id,
      "messaging.client.id": this.#worker,
      "winterq.job.kind": job.kind,
      "winterq.job.attempt": job.attempt
    }
    return Effect.flatMap(
      Effect.makeSpan(`process ${job.queue}`, { kind: "consumer", attributes, links, ...parent }),
      (span) => within(span, attempt)
    )
  }
}
