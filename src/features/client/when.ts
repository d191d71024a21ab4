import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import { durationMillis, InvalidInput, maxDelayMillis } from "../../domain/limits.ts"
import type { AnyTask } from "../../domain/Task.ts"
import type { NewJob } from "../../ports/JobStore.ts"
import type { EnqueueManyOptions } from "./EnqueueOptions.ts"

const invalid = (field: string, problem: string) => Result.fail(new InvalidInput({ field, problem }))

const epochMillis = (field: string, at: DateTime.DateTime | Date | number): Result.Result<number, InvalidInput> => {
  const millis = Math.ceil(typeof at === "number" ? at : at instanceof Date ? at.getTime() : DateTime.toEpochMillis(at))
  return Number.isFinite(millis) && millis <= Number.MAX_SAFE_INTEGER - maxDelayMillis
    ? Result.succeed(Math.max(0, millis))
    : invalid(field, `is not an instant: ${String(at)}`)
}

type Options = Pick<EnqueueManyOptions<AnyTask>, "delay" | "at" | "expires" | "expiresAt">

const atOnce = Result.succeed<Pick<NewJob, "visible">>({})
const never = Result.succeed<Pick<NewJob, "expires">>({})

/** From when a job may run. */
export const visibility = ({ at, delay }: Options): Result.Result<Pick<NewJob, "visible">, InvalidInput> => {
  if (delay !== undefined && at !== undefined) return invalid("at", "cannot be combined with delay")
  if (at !== undefined) return Result.map(epochMillis("at", at), (at) => ({ visible: { at } }))
  if (delay === undefined) return atOnce
  return Result.map(durationMillis("delay", delay), (inMillis) => (inMillis > 0 ? { visible: { inMillis } } : {}))
}

/** Until when a job may start. */
export const expiry = ({ expires, expiresAt }: Options): Result.Result<Pick<NewJob, "expires">, InvalidInput> => {
  if (expires !== undefined && expiresAt !== undefined) return invalid("expiresAt", "cannot be combined with expires")
  if (expiresAt !== undefined) return Result.map(epochMillis("expiresAt", expiresAt), (at) => ({ expires: { at } }))
  if (expires === undefined) return never
  return Result.map(durationMillis("expires", expires), (inMillis) => ({ expires: { inMillis } }))
}
