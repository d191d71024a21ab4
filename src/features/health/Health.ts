import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { StoreErrorReason } from "../../ports/StoreError.ts"

/** What one worker, or one gRPC server, says of itself. */
export interface Status {
  /** The worker's id; `grpc-...` of a server. */
  readonly id: string
  /** The queues it serves now, shards one by one; absent when it serves all. */
  readonly queues?: ReadonlyArray<string>
  /** Whether it was told to stop, and only ends in good order what it has begun. */
  readonly stopping: boolean
  /** Whether it was told to claim nothing more, and to stay. */
  readonly quiet: boolean
  /** Loops that have ended though nobody told them to. Bugs in them are logged and survived, so none should be here. */
  readonly endedLoops: ReadonlyArray<string>
  /** How long ago the store last answered it; absent before it ever did. */
  readonly answeredMillisAgo?: number
  /**
   * Why it does not get on with the store: what its latest call failed with, or `silent` when there was no answer for as
   * long as a lease lasts. Of a worker with several queues: when that is so for all of them. Absent when all is well.
   */
  readonly storeProblem?: StoreErrorReason | "silent"
}

/** Whether all is well, and why not. */
export type Verdict =
  | { readonly ok: true }
  /** `store`: `detail` is the problem. `loop`: `detail` names it. */
  | {
      readonly ok: false
      readonly reason: "starting" | "stopping" | "quiet" | "store" | "loop"
      readonly detail?: string
    }

const well: Verdict = { ok: true }

const problemOf = ({ answeredMillisAgo, endedLoops, quiet, stopping, storeProblem }: Status): Verdict => {
  if (stopping) return { ok: false, reason: "stopping" }
  if (endedLoops.length > 0) return { ok: false, reason: "loop", detail: endedLoops.join(", ") }
  if (storeProblem !== undefined) return { ok: false, reason: "store", detail: storeProblem }
  if (answeredMillisAgo === undefined) return { ok: false, reason: "starting" }
  return quiet ? { ok: false, reason: "quiet" } : well
}

/** Whether each of these takes jobs, and the store answers it. Nobody there is a start that is not over. */
export const readiness = (statuses: ReadonlyArray<Status>): Verdict =>
  statuses.length === 0 ? { ok: false, reason: "starting" } : (statuses.map(problemOf).find(({ ok }) => !ok) ?? well)

/** Whether the loops of these go on. A store that does not answer is no reason to start anew. */
export const liveness = (statuses: ReadonlyArray<Status>): Verdict => {
  const ended = statuses.flatMap(({ endedLoops }) => endedLoops)
  return ended.length === 0 ? well : { ok: false, reason: "loop", detail: ended.join(", ") }
}

/** Those that run now. */
const Registry = Context.Reference<Set<Effect.Effect<Status>>>("winterq/features/health/Registry", {
  defaultValue: () => new Set()
})

/** Is asked for its status until the scope closes. */
export const register = (status: Effect.Effect<Status>) =>
  Effect.flatMap(Registry, (registry) =>
    Effect.acquireRelease(
      Effect.sync(() => registry.add(status)),
      () => Effect.sync(() => registry.delete(status))
    )
  )

/**
 * Keeps the workers and servers that it is provided to apart from others of the process. Without it, all of them are
 * meant.
 *
 * **Shape** Provide it to the workers and to whoever asks for their health.
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.sync(Registry, () => new Set<Effect.Effect<Status>>())

/**
 * What the workers and gRPC servers of this process say of themselves.
 *
 * @category queues
 * @since 0.1.0
 */
export const statuses: Effect.Effect<ReadonlyArray<Status>> = Effect.flatMap(Registry, (registry) =>
  Effect.all([...registry])
)

/**
 * Whether this process takes jobs, for the readiness probe of an orchestrator: the store has answered the latest calls,
 * and nobody was told to stop or to be quiet.
 *
 * **Ref** docs/semantics.md HEALTH-1..3
 * @category queues
 * @since 0.1.0
 */
export const ready: Effect.Effect<Verdict> = Effect.map(statuses, readiness)

/**
 * Whether this process is worth keeping, for the liveness probe of an orchestrator: its loops go on, whatever the store
 * does.
 *
 * **Ref** docs/semantics.md HEALTH-2
 * @category queues
 * @since 0.1.0
 */
export const live: Effect.Effect<Verdict> = Effect.map(statuses, liveness)
