import { execFileSync } from "node:child_process"
import { Redis } from "ioredis"
import { startRedis } from "../../test/support/redis-server.ts"
import type { Target } from "./Contender.mts"
import type { Placement } from "./Scenario.mts"
import { parseInfo } from "./redis-probe.mts"

export interface BenchRedis {
  readonly target: Target
  readonly version: string
  readonly stop: () => Promise<void>
}

/** Starts a Redis of this run's own, without persistence; pinned, it shares core 0 with the client. */
export const startBenchRedis = async (placement: Placement): Promise<BenchRedis> => {
  // a bench flushes its server, so it must never be one that somebody named for the tests
  delete process.env["WINTERQ_TEST_REDIS_URL"]
  const { url, stop } = await startRedis()
  const target = { host: new URL(url).hostname, port: Number(new URL(url).port) }
  const redis = new Redis({ ...target, maxRetriesPerRequest: null })
  const server = parseInfo(await redis.info("server"))
  await redis.quit()
  if (placement === "pinned") {
    execFileSync("taskset", ["-a", "-c", "-p", "0", server.get("process_id") ?? ""], { stdio: "ignore" })
  }
  return { target, version: server.get("redis_version") ?? "unknown", stop }
}
