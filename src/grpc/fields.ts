import * as Effect from "effect/Effect"
import { checkJobId, checkLease, checkQueue, durationMillis, InvalidInput, maxDelayMillis } from "../domain/limits.ts"

/** Checks of what a request carries. */

export const invalid = (field: string, problem: string): Effect.Effect<never, InvalidInput> =>
  Effect.fail(new InvalidInput({ field, problem }))

export const required = (field: string, value: string): Effect.Effect<string, InvalidInput> =>
  value === "" ? invalid(field, "is required") : Effect.succeed(value)

export const queueOf = (queue: string): Effect.Effect<string, InvalidInput> =>
  Effect.andThen(required("queue", queue), Effect.as(Effect.fromResult(checkQueue(queue)), queue))

export const jobIdOf = (id: string): Effect.Effect<string, InvalidInput> =>
  Effect.andThen(required("job_id", id), Effect.as(Effect.fromResult(checkJobId(id)), id))

const maxWorkerId = 200

export const workerIdOf = (id: string): Effect.Effect<string, InvalidInput> =>
  id.length > maxWorkerId
    ? invalid("worker_id", `must be at most ${maxWorkerId} characters`)
    : required("worker_id", id)

/** A duration of the wire as whole milliseconds: 0 to a century. */
export const millisOf = (field: string, value: bigint): Effect.Effect<number, InvalidInput> =>
  Effect.fromResult(durationMillis(field, Number(value)))

/** An instant of the wire; nothing for 0. */
export const instantOf = (field: string, value: bigint): Effect.Effect<number | undefined, InvalidInput> => {
  if (value === 0n) return Effect.succeed(undefined)
  return value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER - maxDelayMillis)
    ? invalid(field, "must be milliseconds since 1970")
    : Effect.succeed(Number(value))
}

/** How long a lease shall last; the server's default when it is not said. */
export const leaseOf = (value: bigint, defaultMillis: number): Effect.Effect<number, InvalidInput> =>
  value === 0n ? Effect.succeed(defaultMillis) : Effect.as(Effect.fromResult(checkLease(Number(value))), Number(value))

/** A count from 1 to most; `byDefault` for 0. */
export const countOf = (
  field: string,
  value: number,
  most: number,
  byDefault: number
): Effect.Effect<number, InvalidInput> => {
  if (value === 0) return Effect.succeed(byDefault)
  return value < 0 || value > most ? invalid(field, `must be from 1 to ${most}`) : Effect.succeed(value)
}

export const tokenOf = (value: bigint): Effect.Effect<number, InvalidInput> =>
  value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)
    ? invalid("token", "is no token")
    : Effect.succeed(Number(value))
