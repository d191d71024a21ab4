import * as Effect from "effect/Effect"
import { KnownQueues } from "../domain/KnownQueues.ts"
import { queueOf } from "../domain/queue-entries.ts"
import { shardsOf } from "../domain/Sharded.ts"
import { BadUsage } from "./errors.ts"
import { settings } from "./settings.ts"

/** What names of queues stand for, by the configuration. **Ref** docs/guides/sharding.md */

const known = Effect.map(settings, ({ queues }) => new KnownQueues(queues.map(queueOf)))

export const wholeQueue = (name: string) => Effect.map(known, (queues) => queues.named(name))

/** The queue, or all of its shards. */
export const queueParts = (name: string) => Effect.map(wholeQueue(name), shardsOf)

/** The queue, for what is done with one at a time. */
export const oneQueue = (name: string) =>
  Effect.flatMap(known, (queues) => Effect.fromResult(queues.one(name))).pipe(
    Effect.catchTag("InvalidInput", ({ message }) => new BadUsage({ why: message }))
  )
