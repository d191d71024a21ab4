import { randomBytes } from "node:crypto"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Memory from "../../src/backends/memory/index.ts"
import * as Redis from "../../src/backends/redis/index.ts"
import * as Encryption from "../../src/features/encryption/Encryption.ts"
import { redisUrl } from "../support/redis-url.ts"
import { serviceContract, storeContract } from "../../src/testing/contract/index.ts"
import { deviations } from "./deviations.ts"

const secret = () => Redacted.make(randomBytes(32).toString("base64"))

const encryption = Encryption.layer({ keys: { old: secret(), k1: secret() }, current: "k1" })

const memory = encryption.pipe(Layer.provideMerge(Memory.layer))
const redis = encryption.pipe(
  Layer.provideMerge(
    Redis.layerVirtualTime({ url: redisUrl(), prefix: `encrypted-${crypto.randomUUID().slice(0, 8)}` })
  )
)

storeContract("encrypted memory", memory, { deviations: deviations.encrypted })
serviceContract("encrypted memory", memory, { deviations: deviations.encrypted })
storeContract("encrypted redis", redis, { deviations: deviations.encrypted })
serviceContract("encrypted redis", redis, { deviations: deviations.encrypted })
