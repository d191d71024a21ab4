export { type AnyQueue, type Sharded, sharded, shardFor, shardsOf } from "./Sharded.ts"

/** What may be said of one queue of a worker. */
export interface QueueOptions {
  /** Its part of the work, against the sum of all weights; 1 when left out. Fractions are allowed. */
  readonly weight?: number
  /**
   * Handlers of this queue that run at once at most, within the worker's own limit; unlimited when left out. Of a
   * sharded queue: of all its shards together.
   */
  readonly concurrency?: number
  /** Over how many shards it is split, 1 to 256; a plain queue when left out. They have equal parts of its weight. */
  readonly shards?: number
}

/** One queue of a worker. */
export interface Entry extends QueueOptions {
  readonly name: string
}

/** The queues a worker serves, and how it divides itself among them. */
export interface Queues {
  readonly order: "weighted" | "strict"
  readonly entries: ReadonlyArray<Entry>
}

/**
 * Queues that are served in proportion to their weights.
 *
 * **Shape** `Queues.weighted({ critical: 6, mail: 3, low: { weight: 1, concurrency: 2 } })`: while all three have work,
 * of ten jobs started six are critical. The part of a queue without work goes to the others; it saves nothing up.
 * `{ orders: { weight: 3, shards: 8 } }` serves all shards of a sharded queue.
 * **Errors** none here: a bad name, weight or limit is an `InvalidInput` when a worker starts with it.
 * **Example** examples/many-queues.ts
 * **Ref** docs/semantics.md QUEUES-1, QUEUES-2, QUEUES-4
 * @category queues
 * @since 0.1.0
 */
export const weighted = (queues: Readonly<Record<string, number | QueueOptions>>): Queues => ({
  order: "weighted",
  entries: Object.entries(queues).map(([name, options]) =>
    typeof options === "object" ? { ...options, name } : { name, weight: options }
  )
})

/**
 * Queues that are served in the order given: a job is started only while no earlier queue is known to have one.
 *
 * **Shape** `Queues.strict(["critical", { name: "mail", concurrency: 20 }, "low"])`. An earlier queue at its own limit
 * leaves the rest of the room to later ones. A queue that is never empty starves those after it. A sharded queue
 * (`Queues.sharded("orders", { shards: 8 })`) has one place, which its shards take in turns.
 * **Errors** none here, as for `weighted`.
 * **Ref** docs/semantics.md QUEUES-3, QUEUES-4
 * @category queues
 * @since 0.1.0
 */
export const strict = (
  queues: ReadonlyArray<string | { readonly name: string; readonly concurrency?: number; readonly shards?: number }>
): Queues => ({
  order: "strict",
  entries: queues.map((queue) => (typeof queue === "string" ? { name: queue } : queue))
})
