import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { JobInfo } from "./RunningJob.ts"

/**
 * Wraps the handler of every job a worker runs: it may act before and after, provide services, time, retry, refuse, or
 * not call `next` at all. What it makes of `next` is how the attempt ends.
 *
 * **Shape** `next` is the handler, interrupted and failed by the task's timeout; failing with `Snooze`, `Cancel` or
 * `SkipRetry` steers the job, as in a handler. A middleware that throws has failed the attempt.
 * **Example** examples/hooks-and-middleware.ts
 * **Ref** docs/semantics.md HOOK-1, HOOK-2
 * @category jobs
 * @since 0.1.0
 */
export interface Middleware<out R = never> {
  (next: Effect.Effect<unknown, unknown>, job: JobInfo): Effect.Effect<unknown, unknown, R>
}

/** A middleware that requires anything; what `Worker.layer` accepts. */
export type AnyMiddleware = Middleware<any>

/** What a list of middleware requires. */
export type MiddlewareServices<M extends ReadonlyArray<AnyMiddleware>> =
  M[number] extends Middleware<infer R> ? Exclude<R, Scope.Scope> : never

export const Middleware = {
  /** Makes a middleware, so that its types need not be written. */
  make: <R>(middleware: Middleware<R>): Middleware<R> => middleware
}
