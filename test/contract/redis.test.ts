import * as Redis from "../../src/backends/redis/index.ts"
import { serviceContract, storeContract } from "../../src/testing/contract/index.ts"
import { redisUrl } from "../support/redis-url.ts"
import { deviations } from "./deviations.ts"
import { encryptionContract } from "./encryption.ts"

const layer = Redis.layerVirtualTime({ url: redisUrl(), prefix: `contract-${crypto.randomUUID().slice(0, 8)}` })
const options = { deviations: deviations.redis }

storeContract("redis", layer, options)
serviceContract("redis", layer, options)
encryptionContract("redis", layer, options)
