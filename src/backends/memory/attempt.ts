import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { InvalidInput } from "../../domain/limits.ts"
import type { EpochMillis } from "../../domain/Job.ts"
import { refused } from "../../ports/checks.ts"
import type { StoreError } from "../../ports/StoreError.ts"

const answer = <A>(operation: string, f: () => A): Effect.Effect<A, StoreError> => {
  const result = Result.try(f)
  if (Result.isSuccess(result)) return Effect.succeed(result.success)
  return result.failure instanceof InvalidInput
    ? Effect.fail(refused(operation, result.failure))
    : Effect.die(result.failure)
}

/** One step on this process's memory. A name that can never be right is thrown on the way, and refused. */
export const attempt = <A>(operation: string, f: () => A): Effect.Effect<A, StoreError> =>
  Effect.suspend(() => answer(operation, f))

/** The same by Effect's clock. */
export const attemptNow = <A>(operation: string, f: (now: EpochMillis) => A): Effect.Effect<A, StoreError> =>
  Effect.withFiber((fiber) => answer(operation, () => f(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())))
