import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Token } from "../../domain/Job.ts"
import * as Queues from "../../domain/Queues.ts"
import type { Sharded } from "../../domain/Queues.ts"
import * as Task from "../../domain/Task.ts"
import type { JobInfo } from "../../features/worker/Worker.ts"
import type { TestQueue } from "./TestQueue.ts"

/** A sharded queue of one test. */
export const shardedOf = (queue: TestQueue, shards: number): Sharded => Queues.sharded(queue.name, { shards })

/** An order of a customer, within whose orders it keeps its place. */
export const taskOf = <Q extends Queues.AnyQueue>(queue: Q, rateLimit?: Task.RateLimitOptions) =>
  Task.make("contract.order", {
    payload: { customer: Schema.String, number: Schema.Int },
    queue,
    orderBy: ({ customer }) => (customer === "" ? undefined : customer),
    ...(rateLimit === undefined ? {} : { rateLimit })
  })

export const order = (customer: string, number = 0) => ({ customer, number })

interface Start {
  readonly customer: string
  readonly number: number
  readonly queue: string
  readonly token: Token
}

/** What was started, up to a count, and when that was reached. */
export const startsUpTo = Effect.fnUntraced(function* (count: number) {
  const starts: Array<Start> = []
  const all = yield* Deferred.make<void>()
  return {
    starts,
    all: Deferred.await(all),
    run: ({ customer, number }: ReturnType<typeof order>, { queue, token }: JobInfo) =>
      Effect.sync(() => {
        starts.push({ customer, number, queue, token })
        if (starts.length === count) Deferred.doneUnsafe(all, Effect.void)
      })
  }
})

/** A customer for each shard, whose orders go there. */
export const customersOf = (queue: Sharded): ReadonlyArray<string> =>
  Queues.shardsOf(queue).map((shard) => {
    for (let i = 0; ; i++) if (Queues.shardFor(queue, `c${i}`) === shard) return `c${i}`
  })
