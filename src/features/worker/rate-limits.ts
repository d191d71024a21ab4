import * as Effect from "effect/Effect"
import { durationMillis, InvalidInput } from "../../domain/limits.ts"
import type { AnyTask, RateLimitOptions } from "../../domain/Task.ts"
import { QueueControl, type RateLimit } from "../../ports/QueueControl.ts"

const whole = (field: string, value: number): Effect.Effect<number, InvalidInput> =>
  Number.isInteger(value) && value >= 1 && value <= 1e9
    ? Effect.succeed(value)
    : Effect.fail(new InvalidInput({ field, problem: `must be an integer from 1 to a billion, not ${value}` }))

const rateOf = Effect.fnUntraced(function* (kind: string, { burst, limit, per }: RateLimitOptions) {
  return {
    limit: yield* whole(`rateLimit.limit of ${kind}`, limit),
    perMillis: yield* Effect.fromResult(durationMillis(`rateLimit.per of ${kind}`, per, 1)),
    burst: yield* whole(`rateLimit.burst of ${kind}`, burst ?? limit)
  } satisfies RateLimit
})

/**
 * Makes the store keep the limits that the code declares, so that a deploy that adds, changes or removes one takes
 * effect. What an operator set in between is replaced.
 */
export const setRateLimits = Effect.fnUntraced(function* (
  tasks: ReadonlyArray<AnyTask>,
  queues: ReadonlyArray<string>,
  overrides: Readonly<Record<string, RateLimitOptions | false>>
) {
  const control = yield* QueueControl
  for (const { kind, rateLimit } of tasks) {
    const declared = overrides[kind] ?? rateLimit
    const limit = declared === undefined || declared === false ? undefined : yield* rateOf(kind, declared)
    for (const queue of queues) {
      const inForce = limit ?? (yield* control.rateLimits(queue))[kind]
      if (inForce !== undefined) yield* control.setRateLimit(queue, kind, limit)
    }
  }
})
