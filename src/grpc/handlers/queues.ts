import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Num from "effect/Number"
import { type AnyQueue, shardsOf } from "../../domain/Sharded.ts"
import * as DeadLetters from "../../features/dead-letters/DeadLetters.ts"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { DeadLetterStore, type RedriveOutcome } from "../../ports/DeadLetterStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
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

const jobIdsOf = (jobIds: ReadonlyArray<string>) =>
  jobIds.length > maxSelected ? invalid("job_ids", `must be at most ${maxSelected}`) : Effect.forEach(jobIds, jobIdOf)

const selection = Effect.fnUntraced(function* (request: { jobIds: ReadonlyArray<string>; oldest: number }) {
  if (request.jobIds.length > 0 && request.oldest !== 0) {
    return yield* invalid("oldest", "cannot be combined with job_ids")
  }
  if (request.jobIds.length === 0 && request.oldest === 0) return yield* invalid("job_ids", "or oldest is required")
  const jobIds = yield* jobIdsOf(request.jobIds)
  return { jobIds, oldest: jobIds.length > 0 ? 0 : yield* countOf("oldest", request.oldest, maxSelected, 1) }
})

/** Acts on the oldest dead letters, as many as are wanted of all shards together; shard after shard. */
const inTurn = Effect.fnUntraced(function* <A>(
  queue: AnyQueue,
  wanted: number,
  act: (part: string, most: number) => Effect.Effect<A, StoreError>,
  countOf: (done: A) => number
) {
  const all: Array<A> = []
  let left = wanted
  for (const part of shardsOf(queue)) {
    if (left === 0) break
    const done = yield* act(part, left)
    all.push(done)
    left -= countOf(done)
  }
  return all
})

/** Those that stay dead must not keep the letters of other shards from their turn. */
const moved = (replies: ReadonlyArray<{ readonly outcome: RedriveOutcome }>): number =>
  replies.filter(({ outcome }) => outcome === "redriven").length

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
      const queue = yield* queues.any(request.queue)
      const { jobIds, oldest } = yield* selection(request)
      const store = yield* DeadLetterStore
      const redriven =
        jobIds.length > 0
          ? yield* DeadLetters.redrive(queue, jobIds)
          : (yield* inTurn(queue, oldest, (part, most) => store.redrive(part, { oldest: most }), moved)).flat()
      return { jobs: redriven.map(({ jobId, outcome }) => ({ jobId, outcome: redriveOutcomes[outcome] })) }
    })
  ),

  purge: calls.unary(
    method.purge,
    Effect.fnUntraced(function* (request) {
      const queue = yield* queues.any(request.queue)
      const { jobIds, oldest } = yield* selection(request)
      const store = yield* DeadLetterStore
      const purged =
        jobIds.length > 0
          ? yield* DeadLetters.purge(queue, jobIds)
          : Num.sumAll(yield* inTurn(queue, oldest, (part, most) => store.purge(part, { oldest: most }), identity))
      return { purged }
    })
  ),

  runNow: calls.unary(
    method.runNow,
    Effect.fnUntraced(function* (request) {
      const parts = yield* queues.parts(request.queue)
      if (request.jobIds.length === 0) return yield* invalid("job_ids", "is required")
      const jobIds = yield* jobIdsOf(request.jobIds)
      const moved = new Set((yield* Effect.forEach(parts, (part) => Inspector.runNow(part, jobIds))).flat())
      return { jobIds: jobIds.filter((id) => moved.delete(id)) }
    })
  ),

  removeQueue: calls.unary(
    method.removeQueue,
    Effect.fnUntraced(function* (request) {
      return { removed: yield* Inspector.removeQueue(yield* queues.one(request.queue)) }
    })
  )
})
