import * as Effect from "effect/Effect"
import { rateOf } from "../../domain/rate-of.ts"
import { partsOf } from "../../domain/queue-entries.ts"
import type { Entry } from "../../domain/Queues.ts"
import { shardsOf } from "../../domain/Sharded.ts"
import type { AnyTask, RateLimitOptions } from "../../domain/Task.ts"
import { QueueControl, type RateLimit } from "../../ports/QueueControl.ts"

/** The part of one of so many shards: together they start no more in the long run; bursts are rounded up. */
const partOf = ({ burst, limit, perMillis }: RateLimit, shards: number): RateLimit => ({
  limit,
  perMillis: perMillis * shards,
  burst: Math.ceil(burst / shards)
})

/** Over how many shards a task's jobs are spread, of which this queue is one. */
const shardsAround = (queue: string, entry: Entry, task: AnyTask): number =>
  Math.max(
    entry.shards ?? 1,
    typeof task.queue === "object" && shardsOf(task.queue).includes(queue) ? task.queue.shards : 1
  )

/**
 * Makes the store keep the limits that the code declares, so that a deploy that adds, changes or removes one takes
 * effect. What an operator set in between is replaced. A shard gets its part of a limit.
 */
export const setRateLimits = Effect.fnUntraced(function* (
  tasks: ReadonlyArray<AnyTask>,
  entries: ReadonlyArray<Entry>,
  overrides: Readonly<Record<string, RateLimitOptions | false>>
) {
  const control = yield* QueueControl
  const queues = entries.flatMap((entry) => partsOf(entry).map(({ name }) => ({ entry, queue: name })))
  for (const task of tasks) {
    const { kind, rateLimit } = task
    const declared = overrides[kind] ?? rateLimit
    const limit =
      declared === undefined || declared === false ? undefined : yield* Effect.fromResult(rateOf(kind, declared))
    for (const { entry, queue } of queues) {
      const part = limit === undefined ? undefined : partOf(limit, shardsAround(queue, entry, task))
      const inForce = part ?? (yield* control.rateLimits(queue))[kind]
      if (inForce !== undefined) yield* control.setRateLimit(queue, kind, part)
    }
  }
})
