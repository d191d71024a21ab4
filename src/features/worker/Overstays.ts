import type { Attempt, InterruptReason, Lane } from "./Lane.ts"
import type { WorkerState } from "./WorkerState.ts"

/** Why a handler that runs was told to end. */
export type ToldToEnd = InterruptReason | "timeout"

const toldToEnd = (state: WorkerState, { interruptedFor, job, phase, startedAt }: Attempt): ToldToEnd | undefined => {
  if (phase !== "running" || startedAt === undefined) return undefined
  if (interruptedFor !== undefined) return interruptedFor
  const timeoutMillis = state.runnables.get(job.kind)?.task.timeoutMillis
  const isOver = timeoutMillis !== undefined && startedAt + timeoutMillis <= state.clock.currentTimeMillisUnsafe()
  return isOver ? "timeout" : undefined
}

/** Since when, in monotonic milliseconds, each goes on though it was told to end; nothing once that was said. */
type Noticed = Map<Attempt, number | undefined>

/**
 * Says of handlers of a lane that they do not end though they were told to, once each, a heartbeat after it was noticed.
 * They keep their slots, and nothing but their own code can end them.
 *
 * **Ref** docs/semantics.md LOG-5
 */
export class Overstays {
  readonly #noticed: Noticed = new Map()

  look(state: WorkerState, lane: Lane, nowMillis: number): void {
    for (const attempt of this.#noticed.keys()) if (attempt.phase === "ended") this.#noticed.delete(attempt)
    for (const attempt of lane.attempts.values()) {
      const why = toldToEnd(state, attempt)
      if (why === undefined) continue
      if (!this.#noticed.has(attempt)) this.#noticed.set(attempt, nowMillis)
      const since = this.#noticed.get(attempt)
      if (since === undefined || nowMillis - since < state.settings.heartbeatMillis) continue
      this.#noticed.set(attempt, undefined)
      state.extensions.overstays(lane.queue, attempt, why)
    }
  }
}
