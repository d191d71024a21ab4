import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { checkCount, checkJobId, checkKind, checkWorkflowId, InvalidInput } from "../domain/limits.ts"
import type { NewJob } from "./JobStore.ts"
import type { QueueLimits, RateLimit } from "./QueueControl.ts"
import { StoreError } from "./StoreError.ts"

/** Most characters of all names and values of a job's headers together. */
const maxHeadersLength = 32 * 1024

/** Most characters of all tags of a job together. */
const maxTagsLength = 16 * 64

// it ends the first line of a record, whose fields are separated by commas
const uniqueKey = /^[^,\n\r\0]{1,128}$/

const fine: Result.Result<void, InvalidInput> = Result.succeed(undefined)

const wrong = (field: string, problem: string): Result.Result<void, InvalidInput> =>
  Result.fail(new InvalidInput({ field, problem }))

const headersLength = (headers: Readonly<Record<string, string>>): number => {
  let length = 0
  for (const name of Object.keys(headers)) length += name.length + headers[name]!.length
  return length
}

/**
 * What of a job stands in records beside others and must not break out of its place. Callers check it and say it
 * properly; a backend checks it again, whoever calls. **Ref** docs/semantics.md INPUT-4, BOUND-5
 */
export const checkNewJob = (job: NewJob): Result.Result<void, InvalidInput> => {
  const { headers, member, tags } = job
  const id = checkJobId(job.id)
  if (Result.isFailure(id)) return id
  const kind = checkKind(job.kind)
  if (Result.isFailure(kind)) return kind
  if (job.uniqueKey !== undefined && !uniqueKey.test(job.uniqueKey)) {
    return wrong("uniqueKey", "must be 1 to 128 printable characters, no comma")
  }
  if (member !== undefined) {
    const workflow = checkWorkflowId(member.workflow)
    if (Result.isFailure(workflow)) return workflow
  }
  if (headers !== undefined && headersLength(headers) > maxHeadersLength) {
    return wrong("headers", `have more than ${maxHeadersLength} characters together`)
  }
  if (tags !== undefined && tags.reduce((sum, tag) => sum + tag.length, 0) > maxTagsLength) {
    return wrong("tags", `have more than ${maxTagsLength} characters together`)
  }
  return fine
}

/** Limits under which some job may run at some time: a queue that is to run none is paused. **Ref** INPUT-6 */
export const checkLimits = ({ maxActive }: QueueLimits): Result.Result<void, InvalidInput> =>
  maxActive === undefined ? fine : checkCount("maxActive", maxActive)

/** As `checkLimits`. **Ref** INPUT-6 */
export const checkRateLimit = (rate: RateLimit): Result.Result<void, InvalidInput> => {
  for (const field of ["limit", "burst"] as const) {
    const good = checkCount(field, rate[field])
    if (Result.isFailure(good)) return good
  }
  return Number.isSafeInteger(rate.perMillis) && rate.perMillis >= 1
    ? fine
    : wrong("perMillis", `must be a whole number, 1 at least, not ${rate.perMillis}`)
}

/** What a backend answers to a call that can never be right. **Ref** docs/semantics.md INPUT-4 */
export const refused = (operation: string, cause: InvalidInput): StoreError =>
  new StoreError({ operation, reason: "rejected", retryable: false, cause: new Error(cause.message) })

/** The same as an effect, for a check that failed; nothing for one that passed. */
export const refusalOf = (
  operation: string,
  good: Result.Result<void, InvalidInput>
): Effect.Effect<never, StoreError> | undefined =>
  Result.isFailure(good) ? Effect.fail(refused(operation, good.failure)) : undefined

/** A cursor of a list without an order: a number that a page gave. **Ref** docs/semantics.md INPUT-5 */
export const checkScanCursor = (cursor: string): Result.Result<void, InvalidInput> =>
  /^\d{1,20}$/.test(cursor) ? fine : wrong("cursor", "is none that a page gave")

/** A place in an ordered list, as cursors name it: a score and what stands there. */
export interface Place {
  readonly score: number
  /** As it was written. */
  readonly scoreText: string
  readonly id: string
}

const place = /^(-?\d{1,17}(?:\.\d{1,6})?):([A-Za-z0-9._:@/+=-]{1,128})$/

/** Reads a cursor; fails on one that no page gave. **Ref** docs/semantics.md INPUT-5 */
export const parsePlace = (cursor: string): Result.Result<Place, InvalidInput> => {
  const [, scoreText, id] = place.exec(cursor) ?? []
  return scoreText === undefined || id === undefined
    ? Result.fail(new InvalidInput({ field: "cursor", problem: "is none that a page gave" }))
    : Result.succeed({ score: Number(scoreText), scoreText, id })
}
