import * as Effect from "effect/Effect"
import { DeadLetterStore, type DeadSelection, type RedriveOutcome } from "../../ports/DeadLetterStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { countOf, invalid, jobIdOf } from "../fields.ts"
import { QueueService, RedriveResponse_Redriven_Outcome } from "../gen/winter/v1/queue_service_pb.ts"
import type { Station } from "../Station.ts"

const { method } = QueueService

const concurrency = 16

const stats = Effect.fnUntraced(function* (queue: string) {
  const control = yield* QueueControl
  const [depths, counters, paused] = yield* Effect.all(
    [control.depths(queue), control.counters(queue), control.isPaused(queue)],
    { concurrency: "unbounded" }
  )
  return {
    queue,
    ready: BigInt(depths.pending),
    active: BigInt(depths.active),
    delayed: BigInt(depths.scheduled + depths.retry),
    dead: BigInt(depths.dead),
    completed: BigInt(counters.completed),
    // every failed attempt either left the job another one or killed it
    failed: BigInt(counters.retried + counters.died),
    paused,
    cancelled: BigInt(counters.cancelled),
    enqueued: BigInt(counters.enqueued)
  }
})

type Stats = Effect.Success<ReturnType<typeof stats>>

const redriveOutcomes = {
  redriven: RedriveResponse_Redriven_Outcome.REDRIVEN,
  "not-dead": RedriveResponse_Redriven_Outcome.NOT_DEAD,
  "key-taken": RedriveResponse_Redriven_Outcome.KEY_TAKEN
} as const satisfies Record<RedriveOutcome, RedriveResponse_Redriven_Outcome>

const maxSelected = 1000

const selection = Effect.fnUntraced(function* (request: { jobIds: ReadonlyArray<string>; oldest: number }) {
  if (request.jobIds.length > 0 && request.oldest !== 0) {
    return yield* invalid("oldest", "cannot be combined with job_ids")
  }
  if (request.jobIds.length > maxSelected) return yield* invalid("job_ids", `must be at most ${maxSelected}`)
  if (request.jobIds.length === 0 && request.oldest === 0) return yield* invalid("job_ids", "or oldest is required")
  const selected: DeadSelection =
    request.jobIds.length > 0
      ? { jobIds: yield* Effect.forEach(request.jobIds, jobIdOf) }
      : { oldest: yield* countOf("oldest", request.oldest, maxSelected, 1) }
  return selected
})

/** Of all parts of a queue together; it is paused when all of them are. */
const sumOf = (queue: string, parts: ReadonlyArray<Stats>): Stats => {
  const sum = (count: (stats: Stats) => bigint) => parts.reduce((total, stats) => total + count(stats), 0n)
  return {
    queue,
    ready: sum(({ ready }) => ready),
    active: sum(({ active }) => active),
    delayed: sum(({ delayed }) => delayed),
    dead: sum(({ dead }) => dead),
    completed: sum(({ completed }) => completed),
    failed: sum(({ failed }) => failed),
    paused: parts.every(({ paused }) => paused),
    cancelled: sum(({ cancelled }) => cancelled),
    enqueued: sum(({ enqueued }) => enqueued)
  }
}

export const queueCalls = ({ calls, queues }: Station) => ({
  queueStats: calls.unary(
    method.queueStats,
    Effect.fnUntraced(function* ({ queue }) {
      const parts = yield* queues.parts(queue)
      return sumOf(queue, yield* Effect.forEach(parts, stats, { concurrency }))
    })
  ),

  listQueues: calls.unary(
    method.listQueues,
    Effect.fnUntraced(function* () {
      const names = yield* QueueControl.use((control) => control.queues)
      return { queues: yield* Effect.forEach(names, stats, { concurrency }) }
    })
  ),

  pause: calls.unary(
    method.pause,
    Effect.fnUntraced(function* (request) {
      const control = yield* QueueControl
      return { changed: (yield* Effect.forEach(yield* queues.parts(request.queue), control.pause)).some(Boolean) }
    })
  ),

  resume: calls.unary(
    method.resume,
    Effect.fnUntraced(function* (request) {
      const control = yield* QueueControl
      return { changed: (yield* Effect.forEach(yield* queues.parts(request.queue), control.resume)).some(Boolean) }
    })
  ),

  redrive: calls.unary(
    method.redrive,
    Effect.fnUntraced(function* (request) {
      const queue = yield* queues.one(request.queue)
      const selected = yield* selection(request)
      const redriven = yield* DeadLetterStore.use((store) => store.redrive(queue, selected))
      return { jobs: redriven.map(({ jobId, outcome }) => ({ jobId, outcome: redriveOutcomes[outcome] })) }
    })
  ),

  purge: calls.unary(
    method.purge,
    Effect.fnUntraced(function* (request) {
      const queue = yield* queues.one(request.queue)
      const selected = yield* selection(request)
      return { purged: yield* DeadLetterStore.use((store) => store.purge(queue, selected)) }
    })
  )
})
