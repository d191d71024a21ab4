import type { TestProject } from "vitest/node"
import { startRedis } from "./redis-server.ts"
import { seed } from "./seed.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** Where the Redis of this run is, or why there is none. Tests ask `redisUrl()` of ./redis-url.ts. */
    readonly redis: { readonly url: string } | { readonly error: string }
  }
}

/** Starts one Redis for all test files. Without it only the tests that ask for it fail. */
export default async ({ provide }: TestProject) => {
  // as drawn, for every process of this run
  if (process.env["WINTERQ_SEED"] === "random") console.log(`WINTERQ_SEED=${seed}`)
  process.env["WINTERQ_SEED"] = String(seed)
  try {
    const redis = await startRedis()
    provide("redis", { url: redis.url })
    return redis.stop
  } catch (error) {
    provide("redis", { error: error instanceof Error ? error.message : String(error) })
    return undefined
  }
}
