import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import {
  checkJobId,
  checkLease,
  checkQueue,
  checkWorkflowId,
  durationMillis,
  InvalidInput,
  maxDelayMillis
} from "../domain/limits.ts"
import { parsePlace } from "../ports/checks.ts"
import { encodeWorker } from "./worker-names.ts"

/** Checks of what a request carries. */

export const invalid = (field: string, problem: string): Effect.Effect<never, InvalidInput> =>
  Effect.fail(new InvalidInput({ field, problem }))

export const required = (field: string, value: string): Effect.Effect<string, InvalidInput> =>
  value === "" ? invalid(field, "is required") : Effect.succeed(value)

export const queueOf = (queue: string): Effect.Effect<string, InvalidInput> =>
  Effect.andThen(required("queue", queue), Effect.as(Effect.fromResult(checkQueue(queue)), queue))

export const jobIdOf = (id: string): Effect.Effect<string, InvalidInput> =>
  Effect.andThen(required("job_id", id), Effect.as(Effect.fromResult(checkJobId(id)), id))

export const workflowIdOf = (id: string): Effect.Effect<string, InvalidInput> =>
  required("workflow_id", id).pipe(
    Effect.tap((id) => Effect.fromResult(checkWorkflowId(id))),
    Effect.mapError(({ problem }) => new InvalidInput({ field: "workflow_id", problem }))
  )

const maxWorkerId = 200

/** What a claim adds to it makes a name of the store, of 1024 characters at most. */
const maxEncodedWorker = 800

export const workerIdOf = (id: string): Effect.Effect<string, InvalidInput> => {
  if (id.length > maxWorkerId) return invalid("worker_id", `must be at most ${maxWorkerId} characters`)
  return encodeWorker(id).length > maxEncodedWorker
    ? invalid("worker_id", `must be at most ${maxEncodedWorker} characters when percent-encoded`)
    : required("worker_id", id)
}

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

const maxPage = 1000
const defaultPage = 50

export const pageSizeOf = (size: number): Effect.Effect<number, InvalidInput> =>
  countOf("page_size", size, maxPage, defaultPage)

/** Where the page before ended, as a store has it; nothing for the first page. **Ref** INPUT-5 */
export const placeOf = (token: string): Effect.Effect<string | undefined, InvalidInput> =>
  token === "" || Result.isSuccess(parsePlace(token))
    ? Effect.succeed(token === "" ? undefined : token)
    : invalid("page_token", "is none that a page gave")

/** Where the page before ended; nothing for the first page. */
export const pageTokenOf = (token: string): Effect.Effect<string | undefined, InvalidInput> => {
  if (token === "") return Effect.succeed(undefined)
  return /^[\x21-\x7e]{1,256}$/.test(token) ? Effect.succeed(token) : invalid("page_token", "is none that a page gave")
}

/** How long a call waits that was asked to wait so long: the rest of its time is for the answer. */
export const waitOf = (millis: number, maxMillis: number): number =>
  Math.min(millis, Math.max(maxMillis - 1000, maxMillis / 2))

export const tokenOf = (value: bigint): Effect.Effect<number, InvalidInput> =>
  value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)
    ? invalid("token", "is no token")
    : Effect.succeed(Number(value))
