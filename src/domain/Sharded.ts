import * as Result from "effect/Result"
import { crc32 } from "./crc32.ts"
import { describe } from "./describe.ts"
import { checkQueue, InvalidInput } from "./limits.ts"

/** Most shards of one queue. A worker asks each for jobs, so more would cost more than they bring. */
export const maxShards = 256

/**
 * A queue that is split over shards: ordinary queues, `<name>.0` to `<name>.<shards - 1>`.
 * @category queues
 * @since 0.1.0
 */
export interface Sharded {
  readonly name: string
  /** A whole number from 1 to 256. */
  readonly shards: number
}

/**
 * A queue by its name, or one that is split over shards.
 * @category queues
 * @since 0.1.0
 */
export type AnyQueue = string | Sharded

/**
 * A queue that is split over shards, so that it has as many slots of Redis, and nodes of a cluster, as it needs.
 *
 * **Shape** `Task.make("order.paid", { payload, queue: Queues.sharded("orders", { shards: 8 }), orderBy: (p) => p.customer })`.
 * Its shards are ordinary queues, `orders.0` to `orders.7`. A job goes to the shard that its order key hashes to, or its
 * unique key, or else its id.
 * **Units** `shards`: a whole number from 1 to 256.
 * **Errors** none here: a bad name or number is an `InvalidInput` when it is first used.
 * **Example** examples/sharded.ts
 * **Ref** docs/semantics.md SHARD-1..14, docs/guides/sharding.md
 * @category queues
 * @since 0.1.0
 */
export const sharded = (name: string, { shards }: { readonly shards: number }): Sharded => ({ name, shards })

/** The name by which people know a queue, sharded or not. */
export const nameOf = (queue: AnyQueue): string => (typeof queue === "string" ? queue : queue.name)

/**
 * The queues that a queue consists of, in the order of their numbers; a plain queue is its only one.
 * @category queues
 * @since 0.1.0
 */
export const shardsOf = (queue: AnyQueue): ReadonlyArray<string> =>
  typeof queue === "string" ? [queue] : Array.from({ length: queue.shards }, (_, number) => `${queue.name}.${number}`)

/**
 * The queue that a key belongs to: the shard whose number is CRC-32 of the key's UTF-8 modulo the number of shards; a
 * plain queue is it for all keys. Producers in other languages compute the same.
 *
 * **Ref** docs/semantics.md SHARD-1
 * @category queues
 * @since 0.1.0
 */
export const shardFor = (queue: AnyQueue, key: string): string =>
  typeof queue === "string" ? queue : `${queue.name}.${crc32(key) % queue.shards}`

const invalid = (field: string, problem: string) => Result.fail(new InvalidInput({ field, problem }))

const checkShards = ({ name, shards }: Sharded): Result.Result<void, InvalidInput> =>
  Number.isInteger(shards) && shards >= 1 && shards <= maxShards
    ? Result.succeed(undefined)
    : invalid("shards", `of ${name} must be a whole number from 1 to ${maxShards}, not ${describe(shards)}`)

/** An order key, whatever a caller's function gave for one. */
export const checkOrderKey = (key: unknown): Result.Result<string | undefined, InvalidInput> =>
  key === undefined || typeof key === "string"
    ? Result.succeed(key)
    : invalid("orderKey", `must be a text, not ${describe(key)}`)

/** Whether it can be a queue: its name, and of a sharded one the names of all its shards and how many they are. */
export const checkAnyQueue = (queue: AnyQueue): Result.Result<void, InvalidInput> =>
  typeof queue !== "object" || queue === null
    ? checkQueue(queue)
    : Result.andThen(Result.andThen(checkQueue(queue.name), checkShards(queue)), () =>
        checkQueue(shardsOf(queue).at(-1)!)
      )
