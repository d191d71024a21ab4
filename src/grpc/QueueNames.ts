import * as Effect from "effect/Effect"
import { KnownQueues } from "../domain/KnownQueues.ts"
import { defaultQueue, type InvalidInput } from "../domain/limits.ts"
import { type AnyQueue, shardsOf } from "../domain/Sharded.ts"
import { queueOf } from "./fields.ts"

/** What the names of queues in requests stand for. **Ref** docs/guides/sharding.md */
export class QueueNames {
  readonly #known: KnownQueues

  constructor(queues: ReadonlyArray<AnyQueue>) {
    this.#known = new KnownQueues(queues)
  }

  /** Where a job is to be stored; in the default queue when no name is given. */
  whole(name: string): Effect.Effect<AnyQueue, InvalidInput> {
    return this.any(name === "" ? defaultQueue : name)
  }

  /** The queue that a request is about, as a whole. */
  any(name: string): Effect.Effect<AnyQueue, InvalidInput> {
    return Effect.map(queueOf(name), (queue) => this.#known.named(queue))
  }

  /** The queues that a request is about, be it one or all shards of one. */
  parts(name: string): Effect.Effect<ReadonlyArray<string>, InvalidInput> {
    return Effect.map(this.any(name), shardsOf)
  }

  /** The only queue that a request is about. */
  one(name: string): Effect.Effect<string, InvalidInput> {
    return Effect.flatMap(queueOf(name), (queue) => Effect.fromResult(this.#known.one(queue)))
  }
}
