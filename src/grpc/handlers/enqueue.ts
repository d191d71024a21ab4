import * as Effect from "effect/Effect"
import type { Metadata } from "@grpc/grpc-js"
import { checkKind, checkQueue, defaultQueue } from "../../domain/limits.ts"
import type { RawJob } from "../../features/client/RawJobs.ts"
import { externalSpan } from "../../features/telemetry/Tracing.ts"
import { DuplicateJob, IdTaken } from "../errors.ts"
import { instantOf, invalid, jobIdOf, millisOf, required } from "../fields.ts"
import { EnqueuedJob_Outcome, type EnqueueRequest, QueueService } from "../gen/winter/v1/queue_service_pb.ts"
import type { QueueDefaults } from "../options.ts"
import type { Station } from "../Station.ts"
import { decodeText } from "../text.ts"

const { method } = QueueService

const queueOf = (queue: string) =>
  Effect.as(Effect.fromResult(checkQueue(queue === "" ? defaultQueue : queue)), queue === "" ? defaultQueue : queue)

/** The unique period and key as the library has them. */
const uniqueOf = Effect.fnUntraced(function* (request: EnqueueRequest) {
  const window = yield* millisOf("unique_period_ms", request.uniquePeriodMs)
  const { uniqueKey: key } = request
  if (window === 0 && key === "") return {}
  return { unique: { ...(key === "" ? {} : { key }), ...(window === 0 ? {} : { window }) } }
})

const rawJobOf = Effect.fnUntraced(function* (
  request: EnqueueRequest,
  retentionMillis: number,
  defaults: QueueDefaults
) {
  const kind = yield* required("kind", request.kind)
  yield* Effect.fromResult(checkKind(kind))
  const payload = yield* decodeText("payload", request.payload)
  const at = yield* instantOf("scheduled_at", request.scheduledAt)
  const delay = yield* millisOf("delay_ms", request.delayMs)
  const expires = yield* millisOf("expires_in_ms", request.expiresInMs)
  const unique = yield* uniqueOf(request)
  const { jobId, maxRetries, priority, retentionMs, tags } = request
  if (jobId !== "") yield* jobIdOf(jobId)
  return {
    kind,
    payload,
    retentionMillis: retentionMs === undefined ? retentionMillis : yield* millisOf("retention_ms", retentionMs),
    ...(jobId === "" ? {} : { id: jobId }),
    ...(defaults.priority === undefined ? {} : { priority: defaults.priority }),
    ...(defaults.maxAttempts === undefined ? {} : { maxAttempts: defaults.maxAttempts }),
    ...(priority === undefined ? {} : { priority }),
    ...(maxRetries === 0 ? {} : { maxAttempts: maxRetries }),
    ...(at === undefined ? {} : { at }),
    ...(delay === 0 ? {} : { delay }),
    ...(expires === 0 ? {} : { expires }),
    ...(tags.length === 0 ? {} : { tags }),
    ...unique
  } satisfies RawJob
})

const headerOf = (metadata: Metadata, name: string): string => {
  const [value] = metadata.get(name)
  return typeof value === "string" ? value : ""
}

/** What is enqueued belongs to the caller's trace, when the call carries one. **Ref** TRACE-1 */
const inCallersTrace = <A, E, R>(metadata: Metadata, enqueue: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const tracestate = headerOf(metadata, "tracestate")
  const span = externalSpan({
    traceparent: headerOf(metadata, "traceparent"),
    ...(tracestate === "" ? {} : { tracestate })
  })
  return span === undefined ? enqueue : Effect.withParentSpan(enqueue, span, { captureStackTrace: false })
}

const outcomes = {
  enqueued: EnqueuedJob_Outcome.ENQUEUED,
  existing: EnqueuedJob_Outcome.EXISTING,
  duplicate: EnqueuedJob_Outcome.DUPLICATE,
  conflict: EnqueuedJob_Outcome.CONFLICT,
  // nothing here asks for it
  replaced: EnqueuedJob_Outcome.ENQUEUED
} as const

const defaultsOf = ({ queueDefaults }: Station["settings"], queue: string): QueueDefaults => queueDefaults[queue] ?? {}

export const enqueueCalls = ({ calls, enqueue, settings }: Station) => ({
  enqueue: calls.unary(
    method.enqueue,
    Effect.fnUntraced(function* (request, { metadata }) {
      const queue = yield* queueOf(request.queue)
      const job = yield* rawJobOf(request, settings.retentionMillis, defaultsOf(settings, queue))
      const [stored] = yield* inCallersTrace(metadata, enqueue(queue, [job]))
      const { id: jobId, outcome } = stored!
      if (outcome === "duplicate") return yield* Effect.fail(new DuplicateJob())
      if (outcome === "conflict") return yield* Effect.fail(new IdTaken())
      return { jobId, existing: outcome === "existing" }
    })
  ),

  enqueueBatch: calls.unary(
    method.enqueueBatch,
    Effect.fnUntraced(function* (request, { metadata }) {
      const queue = yield* queueOf(request.queue)
      if (request.jobs.some((job) => job.queue !== "" && job.queue !== queue)) {
        return yield* invalid("jobs.queue", `must be empty or ${queue}`)
      }
      const jobs = yield* Effect.forEach(request.jobs, (job) =>
        rawJobOf(job, settings.retentionMillis, defaultsOf(settings, queue))
      )
      const stored = yield* inCallersTrace(metadata, enqueue(queue, jobs))
      return { jobs: stored.map(({ id, outcome }) => ({ jobId: id, outcome: outcomes[outcome] })) }
    })
  )
})
