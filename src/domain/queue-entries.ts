import type { Entry } from "./Queues.ts"
import { type AnyQueue, shardsOf } from "./Sharded.ts"

/** A queue as an entry of a worker. */
export const entryOf = (queue: AnyQueue): Entry =>
  typeof queue === "string" ? { name: queue } : { name: queue.name, shards: queue.shards }

/** The queue that an entry is of. */
export const queueOf = ({ name, shards }: Pick<Entry, "name" | "shards">): AnyQueue =>
  shards === undefined ? name : { name, shards }

/** An entry for each queue to be served: for itself, or for its shards, among which its weight is divided. */
export const partsOf = (entry: Entry): ReadonlyArray<Entry> => {
  const { shards, ...rest } = entry
  if (shards === undefined) return [entry]
  const weight = (entry.weight ?? 1) / shards
  return shardsOf({ name: entry.name, shards }).map((name) => ({ ...rest, weight, name }))
}
