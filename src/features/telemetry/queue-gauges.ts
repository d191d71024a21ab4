import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import { durationMillis, type InvalidInput } from "../../domain/limits.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { Waiting } from "../../ports/Waiting.ts"

export interface QueueGaugesOptions {
  /**
   * Which queues: these, or those that an effect names whenever they are looked at; every queue the store knows when left
   * out.
   */
  readonly queues?: ReadonlyArray<string> | Effect.Effect<ReadonlyArray<string>, StoreError>
  /** How often they are looked at; 15 seconds when left out. */
  readonly every?: Duration.Input
}

const jobs = Metric.gauge("queue_jobs", { description: "Jobs of a queue, by state." })
const paused = Metric.gauge("queue_paused", { description: "1 while a queue is paused, else 0." })

const look = Effect.fnUntraced(function* (queue: string) {
  const control = yield* QueueControl
  const depths = yield* control.depths(queue)
  for (const [state, count] of Object.entries(depths)) {
    yield* Metric.update(Metric.withAttributes(jobs, { queue, state }), count)
  }
  yield* Metric.update(Metric.withAttributes(paused, { queue }), (yield* control.isPaused(queue)) ? 1 : 0)
})

/**
 * Measures queues as a whole: `queue_jobs{queue,state}` and `queue_paused{queue}`. One process of a fleet is enough.
 *
 * **Errors** `InvalidInput` for a bad interval. While the store is out of reach the gauges keep their last values, and
 * a warning tells.
 * **Units** counts of jobs.
 * **Example** examples/telemetry.ts
 * **Ref** docs/semantics.md METRIC-4
 * @category layers
 * @since 0.1.0
 */
export const queueGauges = (options: QueueGaugesOptions = {}): Layer.Layer<never, InvalidInput, QueueControl> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const everyMillis = yield* Effect.fromResult(durationMillis("every", options.every ?? "15 seconds", 1))
      const control = yield* QueueControl
      const { queues: given = control.queues } = options
      const queues = Effect.isEffect(given) ? given : Effect.succeed(given)
      yield* queues.pipe(
        Effect.flatMap((some) => Effect.forEach(some, look, { discard: true })),
        Effect.tapCause((cause) => Effect.logWarning("queue gauges keep their last values", cause)),
        Effect.sandbox,
        Effect.ignore,
        Effect.andThen(Effect.provideService(Effect.sleep(everyMillis), Waiting, "look")),
        Effect.forever,
        Effect.forkScoped
      )
    })
  )
