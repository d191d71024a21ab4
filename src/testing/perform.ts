import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { shardsOf } from "../domain/Sharded.ts"
import type { AnyTask, Payload, Success } from "../domain/Task.ts"
import { type HandlerFor, handlerOf } from "../features/worker/Handler.ts"
import type { JobInfo } from "../features/worker/Worker.ts"
import { JobIds } from "../ports/JobIds.ts"

/** What the job of a `perform` shall look like to its handler. */
export interface PerformOptions extends Partial<Omit<JobInfo, "kind" | "setProgress" | "log">> {
  /** Hears of progress that the handler sets. */
  readonly onProgress?: (value: unknown) => void
  /** Hears of lines that the handler logs. */
  readonly onLog?: (line: string) => void
}

/**
 * Runs a task's handler once, without a queue: payload and success go through their schemas as in a worker.
 *
 * **Shape** Middleware, timeouts and retries are the worker's, and not applied.
 * **Errors** whatever the handler fails with, `Snooze`, `Cancel` and `SkipRetry` included; dies when the payload or the
 * success does not fit its schema.
 * **Example** `yield* Testing.perform(SendEmail, { to: "ada@example.org" }, { attempt: 3 })`
 * @category testing
 * @since 0.1.0
 */
export const perform = <T extends AnyTask>(
  task: T,
  payload: Payload<T>,
  options: PerformOptions = {}
): Effect.Effect<Success<T>, unknown, HandlerFor<T["kind"]>> =>
  Effect.gen(function* () {
    const handler = yield* handlerOf<T["kind"]>(task.kind)
    const ids = yield* JobIds
    const { onLog, onProgress, ...given } = options
    const now = yield* Clock.currentTimeMillis
    const job: JobInfo = {
      id: yield* ids.next,
      token: 1,
      queue: shardsOf(task.queue)[0]!,
      priority: task.priority,
      attempt: 1,
      maxAttempts: task.maxAttempts,
      rescues: 0,
      snoozes: 0,
      enqueuedAt: now,
      dueAt: now,
      headers: {},
      tags: [],
      ...given,
      kind: task.kind,
      setProgress: (value) => Effect.sync(() => onProgress?.(value)),
      log: (...lines) => Effect.sync(() => lines.forEach((line) => onLog?.(line)))
    }
    const text = yield* Effect.orDie(task.encodePayload(payload))
    const success = yield* Effect.provideContext(
      handler.run(yield* Effect.orDie(task.decodePayload(text)), job),
      handler.services
    )
    if (!task.hasResult) return undefined as Success<T>
    return yield* Effect.orDie(Effect.flatMap(task.encodeSuccess(success), task.decodeSuccess))
  })
