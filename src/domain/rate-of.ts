import * as Result from "effect/Result"
import { durationMillis, InvalidInput } from "./limits.ts"
import type { RateLimitOptions } from "./Task.ts"

const whole = (field: string, value: number): Result.Result<number, InvalidInput> =>
  Number.isInteger(value) && value >= 1 && value <= 1e9
    ? Result.succeed(value)
    : Result.fail(new InvalidInput({ field, problem: `must be an integer from 1 to a billion, not ${value}` }))

/** A kind's rate limit as a store takes it. */
export const rateOf = (kind: string, { burst, limit, per }: RateLimitOptions) =>
  Result.all({
    limit: whole(`rateLimit.limit of ${kind}`, limit),
    perMillis: durationMillis(`rateLimit.per of ${kind}`, per, 1),
    burst: whole(`rateLimit.burst of ${kind}`, burst ?? limit)
  })
