import * as Redis from "../../src/backends/redis/index.ts"
import { redisUrl } from "../support/redis-url.ts"
import { storeContract } from "./suite/index.ts"
import { serviceContract } from "./suite/services.ts"

const layer = Redis.layerVirtualTime({ url: redisUrl(), prefix: `contract-${crypto.randomUUID().slice(0, 8)}` })

storeContract("redis", layer)
serviceContract("redis", layer)
