import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { JobId } from "../../domain/Job.ts"
import type { InvalidInput } from "../../domain/limits.ts"
import { rateOf } from "../../domain/rate-of.ts"
import type { RateLimitOptions } from "../../domain/Task.ts"
import { QueueControl, type QueueLimits } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"

/**
 * Makes jobs that wait for their time, delayed or between attempts, visible at once. Pause and limits hold for them as
 * for any visible job.
 *
 * **Shape** The ids of those that did wait; jobs in any other state are left alone.
 * **Errors** `StoreError`: what was moved so far stays so.
 * **Ref** docs/semantics.md DELAY-5, DELAY-6
 * @category jobs
 * @since 0.1.0
 */
export const runNow = (
  queue: string,
  jobIds: ReadonlyArray<JobId>
): Effect.Effect<ReadonlyArray<JobId>, StoreError, QueueControl> =>
  QueueControl.use((control) =>
    Effect.map(
      Effect.forEach(Arr.chunksOf(jobIds, 1000), (ids) => control.runNow(queue, ids)),
      (moved) => moved.flat()
    )
  )

/** Stops handing out jobs of a queue; answers whether it was running. **Ref** docs/semantics.md PAUSE-1, PAUSE-2 */
export const pause = (queue: string): Effect.Effect<boolean, StoreError, QueueControl> =>
  QueueControl.use((control) => control.pause(queue))

/** Hands out jobs again; answers whether the queue was paused. **Ref** docs/semantics.md PAUSE-2 */
export const resume = (queue: string): Effect.Effect<boolean, StoreError, QueueControl> =>
  QueueControl.use((control) => control.resume(queue))

/**
 * Removes a queue that holds nothing: its pause, limits, counters and name. Stop its workers and producers first: what
 * they do next brings it back.
 *
 * **Shape** `false`, and nothing is changed, when it has jobs in any state, schedules, endings of members of workflows that
 * were not heard yet or are remembered (10 minutes), or when it has just been claimed from. A queue that is not there is
 * removed already.
 * **Ref** docs/semantics.md LIST-4
 * @category queues
 * @since 0.1.0
 */
export const removeQueue = (queue: string): Effect.Effect<boolean, StoreError, QueueControl> =>
  QueueControl.use((control) => control.removeQueue(queue))

/**
 * Sets all limits of a queue; what is left out is unlimited.
 *
 * **Errors** `StoreError`, `rejected` for what is no whole number above 0: a queue that is to run nothing is paused.
 * **Ref** docs/semantics.md LIMIT-1, LIMIT-2, INPUT-6
 */
export const setLimits = (queue: string, limits: QueueLimits): Effect.Effect<void, StoreError, QueueControl> =>
  QueueControl.use((control) => control.setLimits(queue, limits))

/**
 * Limits how often jobs of a kind start in a queue, over all its workers, or lifts that limit. A worker of a task with a
 * `rateLimit` puts that one in force again when it starts.
 *
 * **Shape** as a task's: `setRateLimit("mail", "email.send", { limit: 50, per: "1 second", burst: 5 })`.
 * **Errors** `InvalidInput` for what a task may not have either; `StoreError`.
 * **Ref** docs/semantics.md RATE-1..5
 */
export const setRateLimit = (
  queue: string,
  kind: string,
  limit: RateLimitOptions | undefined
): Effect.Effect<void, InvalidInput | StoreError, QueueControl> =>
  QueueControl.use((control) =>
    Effect.flatMap(limit === undefined ? Effect.succeed(limit) : Effect.fromResult(rateOf(kind, limit)), (rate) =>
      control.setRateLimit(queue, kind, rate)
    )
  )
