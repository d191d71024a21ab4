import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import type { AnyTask, Payload } from "../domain/Task.ts"

/**
 * Payloads of a task, derived from its schema: for properties, and wherever any payload will do.
 *
 * **Shape** `it.effect.prop("...", [Testing.arbitrary(SendEmail)], ([payload]) => ...)` with `@effect/vitest`, or
 * `Arbitrary.checkEffect` of effect by itself. Failures shrink and name a token to replay them.
 * **Errors** throws for a schema that has no arbitrary, such as one declared by hand without one.
 * @category testing
 * @since 0.1.0
 */
export const arbitrary = <T extends AnyTask>(task: T): Arbitrary.Arbitrary<Payload<T>> =>
  Arbitrary.schema(task.payload) as Arbitrary.Arbitrary<Payload<T>>

/**
 * Some payloads of a task, the same for the same seed; without a seed it is that of the test.
 *
 * @category testing
 * @since 0.1.0
 */
export const samplePayloads = <T extends AnyTask>(
  task: T,
  options: { readonly count?: number; readonly seed?: string | number; readonly size?: number } = {}
): Effect.Effect<ReadonlyArray<Payload<T>>> =>
  // a schema of which no value can be found is a bug of the test
  Effect.orDie(Arbitrary.sampleEffect(arbitrary(task), options))
