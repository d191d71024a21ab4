import * as Result from "effect/Result"
import { checkCount, durationMillis } from "./limits.ts"
import type { RateLimitOptions } from "./Task.ts"

const counted = (field: string, value: number) => Result.map(checkCount(field, value), () => value)

/** A kind's rate limit as a store takes it. */
export const rateOf = (kind: string, { burst, limit, per }: RateLimitOptions) =>
  Result.all({
    limit: counted(`rateLimit.limit of ${kind}`, limit),
    perMillis: durationMillis(`rateLimit.per of ${kind}`, per, 1),
    burst: counted(`rateLimit.burst of ${kind}`, burst ?? limit)
  })
