import * as Effect from "effect/Effect"
import { KnownQueues } from "../domain/KnownQueues.ts"
import { queueOf } from "../domain/queue-entries.ts"
import { shardsOf } from "../domain/Sharded.ts"
import { QueueControl } from "../ports/QueueControl.ts"
import { BadUsage } from "./errors.ts"
import { settings } from "./settings.ts"

/** What names of queues stand for, by the configuration. **Ref** docs/guides/sharding.md */

const known = Effect.map(settings, ({ queues }) => new KnownQueues(queues.map(queueOf)))

export const wholeQueue = (name: string) => Effect.map(known, (queues) => queues.named(name))

/**
 * Where a job of this name goes. Fails for a name that nothing is known of but shards: whoever serves them would not find
 * the job.
 */
export const queueForJobs = Effect.fnUntraced(function* (name: string) {
  const { queues } = yield* settings
  const declared = queues.find((queue) => queue.name === name)
  if (declared !== undefined) return queueOf(declared)
  const names = yield* QueueControl.use((control) => control.queues)
  const shards = names.filter((other) => other.startsWith(`${name}.`) && /^\d{1,3}$/.test(other.slice(name.length + 1)))
  if (shards.length === 0 || names.includes(name)) return name
  const [first, ...rest] = shards.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }))
  return yield* new BadUsage({
    why:
      `there is no queue ${name}, but ${first!}${rest.length === 0 ? "" : ` and ${rest.at(-1)!}`}: ` +
      `name the configuration that splits it over shards (--config), or one of them; ` +
      `a configuration that has ${name} without shards makes it a queue`
  })
})

/** The queue, or all of its shards. */
export const queueParts = (name: string) => Effect.map(wholeQueue(name), shardsOf)

/** The queue, for what is done with one at a time. */
export const oneQueue = (name: string) =>
  Effect.flatMap(known, (queues) => Effect.fromResult(queues.one(name))).pipe(
    Effect.catchTag("InvalidInput", ({ message }) => new BadUsage({ why: message }))
  )
