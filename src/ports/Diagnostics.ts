import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { EpochMillis } from "../domain/Job.ts"
import type { StoreError } from "./StoreError.ts"

/** What a backend says of one of its servers. What it does not know, or may not tell, is left out. */
export interface ServerFacts {
  /** Where it is, for messages. */
  readonly address: string
  readonly version?: string
  /** `standalone`, `cluster`, `sentinel`; `memory` for none. */
  readonly mode: string
  readonly role?: string
  /** Replicas that follow it. */
  readonly replicas?: number
  /** What it does when memory is full. */
  readonly maxMemoryPolicy?: string
  /** 0 when there is no limit. */
  readonly maxMemoryBytes?: number
  readonly usedMemoryBytes?: number
  /** Keys it deleted to make room. */
  readonly evictedKeys?: number
  readonly persistence?: Persistence
}

/** What survives a crash of the server. */
export interface Persistence {
  readonly appendOnly: boolean
  /** `always`, `everysec` or `no`. */
  readonly appendFsync?: string
  /** The points of snapshots; empty when none are made. */
  readonly snapshots?: string
  /** Whether the latest write of either kind succeeded. */
  readonly healthy: boolean
}

/** A queue, recounted. All of it is read in one step. */
export interface QueueAudit {
  /** Jobs accepted, by its counter. */
  readonly enqueued: number
  /** Records no longer stored, by its counter. */
  readonly removed: number
  /** Entries of all states together. */
  readonly indexed: number
  /** Records stored. */
  readonly records: number
  /** Entries looked at one by one. */
  readonly looked: number
  /** Of those, entries without a record, with their state. */
  readonly strays: ReadonlyArray<string>
}

/**
 * Looks at the store itself, for people who operate it.
 *
 * @category queues
 * @since 0.1.0
 */
export class Diagnostics extends Context.Service<
  Diagnostics,
  {
    /** One per server that takes writes. **Ref** AUDIT-3 */
    readonly servers: Effect.Effect<ReadonlyArray<ServerFacts>, StoreError>
    /** The store's own clock, by which leases and due times go. **Ref** AUDIT-3 */
    readonly now: Effect.Effect<EpochMillis, StoreError>
    /** The version of the layout of its data, and the one that this code reads. */
    readonly format: Effect.Effect<{ readonly stored: string; readonly known: string }, StoreError>
    /**
     * Recounts a queue and looks at `limit` entries of each state at most.
     *
     * **Ref** AUDIT-1, AUDIT-2
     */
    readonly audit: (queue: string, limit: number) => Effect.Effect<QueueAudit, StoreError>
  }
>()("winterq/ports/Diagnostics") {}
