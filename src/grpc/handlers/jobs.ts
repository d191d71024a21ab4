import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Ended, JobState } from "../../domain/Job.ts"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { type CancelOutcome, JobStore } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { encodeJob } from "../encode-job.ts"
import { JobNotFound } from "../errors.ts"
import { invalid, jobIdOf, millisOf, pageSizeOf, placeOf, waitOf } from "../fields.ts"
import { CancelResponse_Outcome, QueueService } from "../gen/winter/v1/queue_service_pb.ts"
import type { Station } from "../Station.ts"
import { encodeText } from "../text.ts"

const { method } = QueueService

const cancelOutcomes = {
  cancelled: CancelResponse_Outcome.CANCELLED,
  requested: CancelResponse_Outcome.REQUESTED,
  ended: CancelResponse_Outcome.ENDED,
  gone: CancelResponse_Outcome.GONE
} as const satisfies Record<CancelOutcome, CancelResponse_Outcome>

export const endingOf = (ended: Ended) => {
  switch (ended._tag) {
    case "Completed":
      return {
        case: "completed" as const,
        value: ended.result === undefined ? {} : { result: encodeText(ended.result) }
      }
    case "Dead":
      return {
        case: "dead" as const,
        value: {
          reason: ended.reason,
          error: ended.error,
          ...(ended.failure === undefined ? {} : { failure: encodeText(ended.failure) })
        }
      }
    case "Cancelled":
      return { case: "cancelled" as const, value: { reason: ended.reason, expired: ended.expired } }
  }
}

const isState = (state: string): state is JobState => JobState.literals.some((known) => known === state)

export const jobCalls = ({ calls, endings, queues, settings }: Station) => ({
  getJob: calls.unary(
    method.getJob,
    Effect.fnUntraced(function* (request) {
      const jobId = yield* jobIdOf(request.jobId)
      const found =
        request.queue === ""
          ? yield* Inspector.find(jobId)
          : yield* Inspector.job(yield* queues.one(request.queue), jobId)
      if (Option.isNone(found)) return yield* Effect.fail(new JobNotFound())
      return { job: encodeJob(found.value.job), logs: [...found.value.logs] }
    })
  ),

  getResult: calls.unary(
    method.getResult,
    Effect.fnUntraced(function* (request) {
      const jobId = yield* jobIdOf(request.jobId)
      const queue = yield* queues.one(request.queue)
      const waitMillis = waitOf(yield* millisOf("timeout_ms", request.timeoutMs), settings.maxMillis)
      const store = yield* JobStore
      // most who ask without waiting ask about jobs that go on: no watch is set up for them
      if (waitMillis === 0) {
        const job = yield* store.get(queue, jobId)
        if (Option.isNone(job)) return yield* Effect.fail(new JobNotFound())
        if (job.value.finishedAt === undefined) return {}
      }
      const ended = yield* endings.of(queue, jobId).pipe(Effect.timeoutOption(Math.max(waitMillis, 1000)))
      if (Option.isNone(ended)) return {}
      if (Option.isNone(ended.value)) return yield* Effect.fail(new JobNotFound())
      return { ending: endingOf(ended.value.value) }
    })
  ),

  cancel: calls.unary(
    method.cancel,
    Effect.fnUntraced(function* (request) {
      const jobId = yield* jobIdOf(request.jobId)
      const queue = yield* queues.one(request.queue)
      const reason = request.reason === "" ? "cancelled by a client" : request.reason
      const outcome = yield* JobStore.use((store) => store.cancel({ queue, jobId, reason }))
      return { outcome: cancelOutcomes[outcome] }
    })
  ),

  listJobs: calls.unary(
    method.listJobs,
    Effect.fnUntraced(function* (request) {
      const queue = yield* queues.one(request.queue)
      const { state } = request
      if (!isState(state)) return yield* invalid("state", `must be one of ${JobState.literals.join(", ")}`)
      const pageToken = yield* placeOf(request.pageToken)
      const control = yield* QueueControl
      let limit = yield* pageSizeOf(request.pageSize)
      while (true) {
        const cursor = pageToken === undefined ? {} : { cursor: pageToken }
        const page = yield* control.list({ queue, state, limit, ...cursor })
        const bytes = page.jobs.reduce((sum, { payload, result }) => sum + payload.length + (result?.length ?? 0), 0)
        // a cursor stands behind a whole page, so one that fits no message is read again, shorter
        if (bytes <= settings.maxMessageBytes / 2 || limit === 1) {
          return { jobs: page.jobs.map(encodeJob), nextPageToken: page.cursor ?? "" }
        }
        limit = Math.max(1, Math.floor(limit / 4))
      }
    })
  )
})
