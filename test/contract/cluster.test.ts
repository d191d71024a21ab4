import { afterAll, beforeAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redis from "../../src/backends/redis/index.ts"
import { serviceContract, storeContract } from "../../src/testing/contract/index.ts"
import type { FreshRedis } from "../support/fresh-redis.ts"
import { clusterAt, startCluster, stopAll } from "../support/redis-cluster.ts"
import { deviations } from "./deviations.ts"

let nodes: ReadonlyArray<FreshRedis> = []

beforeAll(async () => {
  // nothing fails here, and a busy machine must not look like a failure
  nodes = await startCluster({ replicas: true, nodeTimeoutMillis: 15_000, args: ["--appendonly", "no"] })
})
afterAll(() => stopAll(nodes))

const layer = Layer.unwrap(Effect.sync(() => Redis.layerVirtualTime(clusterAt(nodes))))
const options = { deviations: deviations.redis }

storeContract("a Redis Cluster", layer, options)
serviceContract("a Redis Cluster", layer, options)
