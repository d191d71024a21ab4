import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { AnyTask, Payload, Success } from "../../domain/Task.ts"
import type { JobInfo } from "./RunningJob.ts"

/** Says that a handler for this kind is there; what a worker that runs the task requires. */
export interface HandlerFor<out Kind extends string> {
  readonly "winterq/features/worker/HandlerFor": Kind
}

/** A handler and the services it runs with: apart, since putting them together costs more than running many a handler. */
export interface BoundHandler {
  /** To be run with `services`, whatever its type says. */
  readonly run: (payload: unknown, job: JobInfo) => Effect.Effect<unknown, unknown>
  readonly services: Context.Context<never>
}

export const handlerOf = <Kind extends string>(kind: Kind) =>
  Context.Service<HandlerFor<Kind>, BoundHandler>(`winterq/features/worker/HandlerFor/${kind}`)

/**
 * Says how a task's jobs are run.
 *
 * **Shape** The effect's success is the job's result. Failing with `Snooze`, `Cancel` or `SkipRetry` steers the job;
 * any other failure or defect is a failed attempt. Interruption comes with a lost lease, a timeout or a shutdown.
 * What it acquires is released when the attempt ends. What it requires, the layer requires: a handler that enqueues
 * more jobs requires `Client`.
 * `job.token` grows with every attempt: pass it on as a fence to storage of your own.
 * **Example** examples/quickstart.ts
 * **Ref** docs/semantics.md RUN-1..7
 * @category jobs
 * @since 0.1.0
 */
export const handler = <T extends AnyTask, R>(
  task: T,
  run: (payload: Payload<T>, job: JobInfo) => Effect.Effect<Success<T>, unknown, R>
): Layer.Layer<HandlerFor<T["kind"]>, never, Exclude<R, Scope.Scope>> => {
  const key = handlerOf<T["kind"]>(task.kind)
  return Layer.effect(
    key,
    Effect.map(Effect.context<Exclude<R, Scope.Scope>>(), (context): BoundHandler => ({
      // handlers run in the span of their job, not in the one in which their layer was built
      services: Context.omit(Tracer.ParentSpan)(context) as Context.Context<never>,
      // what a handler acquires ends with its attempt, not with the worker
      run: (payload, job) => Effect.scoped(run(payload, job)) as Effect.Effect<unknown, unknown>
    }))
  )
}
