import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redis from "../../src/backends/redis/index.ts"
import { aclUser } from "../support/acl-user.ts"
import { serviceContract, storeContract } from "../../src/testing/contract/index.ts"

const prefix = `acl-${crypto.randomUUID().slice(0, 8)}`

/** A backend whose user may do what a worker needs, and nothing else. */
const layer = Layer.unwrap(Effect.map(aclUser("worker", prefix), (url) => Redis.layerVirtualTime({ url, prefix })))

storeContract("redis as its worker user", layer)
serviceContract("redis as its worker user", layer)
