import * as Result from "effect/Result"
import { InvalidInput } from "./limits.ts"
import { type AnyQueue, nameOf, shardsOf } from "./Sharded.ts"

/** What is known of queues that others only name: which are split over shards. */
export class KnownQueues {
  readonly #byName: ReadonlyMap<string, AnyQueue>

  constructor(queues: Iterable<AnyQueue>) {
    this.#byName = new Map(Array.from(queues, (queue) => [nameOf(queue), queue]))
  }

  /** The queue of this name; one that is not known is a plain one. */
  named(name: string): AnyQueue {
    return this.#byName.get(name) ?? name
  }

  /** The same for what can only be done with one queue at a time, as all that concerns one job. */
  one(name: string): Result.Result<string, InvalidInput> {
    const queue = this.named(name)
    if (typeof queue === "string") return Result.succeed(queue)
    const shards = shardsOf(queue)
    const problem = `must name one shard of ${name}: ${shards[0]!} to ${shards.at(-1)!}`
    return shards.length === 1 ? Result.succeed(shards[0]!) : Result.fail(new InvalidInput({ field: "queue", problem }))
  }
}
