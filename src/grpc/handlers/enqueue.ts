import * as Effect from "effect/Effect"
import { type AnyQueue, nameOf } from "../../domain/Sharded.ts"
import type { RawJob } from "../../features/client/RawJobs.ts"
import { DuplicateJob, IdTaken } from "../errors.ts"
import { invalid, jobIdOf, millisOf } from "../fields.ts"
import { EnqueuedJob_Outcome, type EnqueueRequest, QueueService } from "../gen/winter/v1/queue_service_pb.ts"
import { rawJobOf, timeOf } from "../raw-job.ts"
import type { Station } from "../Station.ts"
import { inCallersTrace } from "../trace.ts"

const { method } = QueueService

/** The unique period and key as the library has them. */
const uniqueOf = Effect.fnUntraced(function* (request: EnqueueRequest) {
  const window = yield* millisOf("unique_period_ms", request.uniquePeriodMs)
  const { uniqueKey: key } = request
  if (window === 0 && key === "") return {}
  return { unique: { ...(key === "" ? {} : { key }), ...(window === 0 ? {} : { window }) } }
})

const jobOf = Effect.fnUntraced(function* (request: EnqueueRequest, queue: AnyQueue, settings: Station["settings"]) {
  const { jobId } = request
  if (jobId !== "") yield* jobIdOf(jobId)
  return {
    ...(yield* rawJobOf(request, queue, settings)),
    ...(yield* timeOf(request)),
    ...(yield* uniqueOf(request)),
    ...(jobId === "" ? {} : { id: jobId })
  } satisfies RawJob
})

const outcomes = {
  enqueued: EnqueuedJob_Outcome.ENQUEUED,
  existing: EnqueuedJob_Outcome.EXISTING,
  duplicate: EnqueuedJob_Outcome.DUPLICATE,
  conflict: EnqueuedJob_Outcome.CONFLICT,
  // nothing here asks for it
  replaced: EnqueuedJob_Outcome.ENQUEUED
} as const

export const enqueueCalls = ({ calls, enqueue, queues, settings }: Station) => ({
  enqueue: calls.unary(
    method.enqueue,
    Effect.fnUntraced(function* (request, { metadata }) {
      const queue = yield* queues.whole(request.queue)
      const job = yield* jobOf(request, queue, settings)
      const [stored] = yield* inCallersTrace(metadata, enqueue(queue, [job]))
      const { id: jobId, outcome, queue: where } = stored!
      if (outcome === "duplicate") return yield* Effect.fail(new DuplicateJob())
      if (outcome === "conflict") return yield* Effect.fail(new IdTaken())
      return { jobId, existing: outcome === "existing", queue: where }
    })
  ),

  enqueueBatch: calls.unary(
    method.enqueueBatch,
    Effect.fnUntraced(function* (request, { metadata }) {
      const queue = yield* queues.whole(request.queue)
      const name = nameOf(queue)
      if (request.jobs.some((job) => job.queue !== "" && job.queue !== name)) {
        return yield* invalid("jobs.queue", `must be empty or ${name}`)
      }
      const jobs = yield* Effect.forEach(request.jobs, (job) => jobOf(job, queue, settings))
      const stored = yield* inCallersTrace(metadata, enqueue(queue, jobs))
      return { jobs: stored.map(({ id, outcome, queue }) => ({ jobId: id, outcome: outcomes[outcome], queue })) }
    })
  )
})
