import * as Memory from "winterq/memory"
import * as Redis from "winterq/redis"
import { redisUrl } from "../support/redis-url.ts"
import { shopSuite } from "./shop-suite.ts"

shopSuite("memory", () => Memory.layer)
shopSuite("Redis", () => Redis.layerVirtualTime({ url: redisUrl(), prefix: `shop-${crypto.randomUUID()}` }))
