import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Ended, JobId, Token } from "../domain/Job.ts"
import type { StoreError } from "./StoreError.ts"

/** A short message to one process: a job or workflow it watches has ended, or it is asked to stop a job that it holds, or to be quiet. */
export type Notice =
  | { readonly _tag: "Ended"; readonly ref: number; readonly ended: Ended }
  | { readonly _tag: "WorkflowEnded"; readonly ref: number }
  /** The connection was lost for a while, and with it what was sent: whoever waits has to look. */
  | { readonly _tag: "Missed" }
  /** A worker is asked to claim nothing more. */
  | { readonly _tag: "Quiet" }
  | {
      readonly _tag: "CancelRequested"
      readonly queue: string
      readonly jobId: JobId
      readonly token: Token
      readonly reason: string
    }

/**
 * Pushes messages to whoever is open under a name: a watcher, or a worker by its id. A message may be lost while
 * the connection is; whoever relies on one also looks from time to time.
 *
 * **Ref** docs/semantics.md WATCH-3, CANCEL-2
 * @category queues
 * @since 0.1.0
 */
export class Notices extends Context.Service<
  Notices,
  {
    /** Receives what is sent to the name from now on, until the scope closes. */
    readonly open: (name: string) => Effect.Effect<Queue.Dequeue<Notice>, StoreError, Scope.Scope>
    /** Asks a worker, by its id, to claim nothing more. Its reports tell whether it heard. **Ref** STOP-5 */
    readonly quiet: (worker: string) => Effect.Effect<void, StoreError>
  }
>()("winterq/ports/Notices") {}
