import type * as Latch from "effect/Latch"
import type { EnqueueRaw } from "../features/client/RawJobs.ts"
import type { Endings } from "../features/client/Endings.ts"
import type { Workflows } from "../features/workflows/Workflows.ts"
import type { Calls } from "./Calls.ts"
import type { Claims } from "./Claims.ts"
import type { Holdings } from "./Holdings.ts"
import type { Lobbies } from "./Lobby.ts"
import type { QueueDefaults } from "./options.ts"
import type { QueueNames } from "./QueueNames.ts"

/** What one server has, and its calls share. */
export interface Station {
  readonly calls: Calls
  readonly claims: Claims
  readonly lobbies: Lobbies
  readonly queues: QueueNames
  readonly holdings: Holdings
  readonly endings: Endings
  readonly enqueue: EnqueueRaw
  readonly workflows: Workflows["Service"]
  /** Opened when the server takes no more calls, so that those that wait end. */
  readonly stopping: Latch.Latch
  readonly settings: {
    readonly leaseMillis: number
    /** Between two rounds of keeping queues in order. */
    readonly sweepMillis: number
    readonly retentionMillis: number
    /** Longest that a call takes, waiting included. */
    readonly maxMillis: number
    readonly maxMessageBytes: number
    readonly queueDefaults: Readonly<Record<string, QueueDefaults>>
    readonly maxPayloadBytes: number
  }
}
