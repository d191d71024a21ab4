import { inject } from "vitest"

/** The Redis of this run. Tests that need one fail, and do not skip, when there is none. */
export const redisUrl = (): string => {
  const redis = inject("redis")
  if ("error" in redis) throw new Error(redis.error)
  return redis.url
}
