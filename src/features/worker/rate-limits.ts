import * as Effect from "effect/Effect"
import { durationMillis, InvalidInput } from "../../domain/limits.ts"
import { partsOf } from "../../domain/queue-entries.ts"
import type { Entry } from "../../domain/Queues.ts"
import { shardsOf } from "../../domain/Sharded.ts"
import type { AnyTask, RateLimitOptions } from "../../domain/Task.ts"
import { QueueControl, type RateLimit } from "../../ports/QueueControl.ts"

const whole = (field: string, value: number): Effect.Effect<number, InvalidInput> =>
  Number.isInteger(value) && value >= 1 && value <= 1e9
    ? Effect.succeed(value)
    : Effect.fail(new InvalidInput({ field, problem: `must be an integer from 1 to a billion, not ${value}` }))

/** A kind's limit as the store takes it. */
export const rateOf = Effect.fnUntraced(function* (kind: string, { burst, limit, per }: RateLimitOptions) {
  return {
    limit: yield* whole(`rateLimit.limit of ${kind}`, limit),
    perMillis: yield* Effect.fromResult(durationMillis(`rateLimit.per of ${kind}`, per, 1)),
    burst: yield* whole(`rateLimit.burst of ${kind}`, burst ?? limit)
  } satisfies RateLimit
})

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
    const limit = declared === undefined || declared === false ? undefined : yield* rateOf(kind, declared)
    for (const { entry, queue } of queues) {
      const part = limit === undefined ? undefined : partOf(limit, shardsAround(queue, entry, task))
      const inForce = part ?? (yield* control.rateLimits(queue))[kind]
      if (inForce !== undefined) yield* control.setRateLimit(queue, kind, part)
    }
  }
})
