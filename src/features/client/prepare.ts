import { createHash } from "node:crypto"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { boundedText } from "../../domain/bounded-text.ts"
import { describe } from "../../domain/describe.ts"
import type { JobId } from "../../domain/Job.ts"
import {
  checkJobId,
  checkKind,
  checkMaxAttempts,
  checkPriority,
  bytesBeyond,
  durationMillis,
  InvalidInput,
  maxBatchJobs,
  maxBatchLength,
  maxDelayMillis
} from "../../domain/limits.ts"
import { checkAnyQueue, checkOrderKey, shardFor } from "../../domain/Sharded.ts"
import type { AnyTask, Payload } from "../../domain/Task.ts"
import { JobIds } from "../../ports/JobIds.ts"
import { traceHeaders } from "../telemetry/Tracing.ts"
import { Batches } from "./Batch.ts"
import type { EnqueueManyOptions, Unique } from "./EnqueueOptions.ts"

/**
 * The payload does not fit the task's schema. Nothing was stored.
 * @category errors
 * @since 0.1.0
 */
export class InvalidPayload extends Schema.TaggedError<InvalidPayload>()("InvalidPayload", {
  kind: Schema.String,
  /** What does not fit, and where. */
  problem: Schema.String
}) {
  override get message(): string {
    return `payload of ${this.kind}: ${this.problem}`
  }
}

/**
 * The encoded payload exceeds the client's limit. Nothing was stored.
 * @category errors
 * @since 0.1.0
 */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()("PayloadTooLarge", {
  kind: Schema.String,
  bytes: Schema.Int,
  limit: Schema.Int
}) {
  override get message(): string {
    return `payload of ${this.kind} has ${this.bytes} bytes, the limit is ${this.limit}; store it elsewhere and enqueue a reference`
  }
}

const required = <A, E>(result: Result.Result<A, E>): Effect.Effect<A, E> => Effect.fromResult(result)

const invalid = (field: string, problem: string) => Effect.fail(new InvalidInput({ field, problem }))

const epochMillis = (field: string, at: DateTime.DateTime | Date | number): Effect.Effect<number, InvalidInput> => {
  const millis = Math.ceil(typeof at === "number" ? at : at instanceof Date ? at.getTime() : DateTime.toEpochMillis(at))
  return Number.isFinite(millis) && millis <= Number.MAX_SAFE_INTEGER - maxDelayMillis
    ? Effect.succeed(Math.max(0, millis))
    : invalid(field, `is not an instant: ${String(at)}`)
}

const visibility = (options: { readonly delay?: Duration.Input; readonly at?: DateTime.DateTime | Date | number }) => {
  if (options.delay !== undefined && options.at !== undefined) return invalid("at", "cannot be combined with delay")
  if (options.at !== undefined) return Effect.map(epochMillis("at", options.at), (at) => ({ visible: { at } }))
  if (options.delay === undefined) return Effect.succeed({})
  return Effect.map(required(durationMillis("delay", options.delay)), (inMillis) =>
    inMillis > 0 ? { visible: { inMillis } } : {}
  )
}

type When = Pick<EnqueueManyOptions<AnyTask>, "expires" | "expiresAt">

const expiry = ({ expires, expiresAt }: When) => {
  if (expires !== undefined && expiresAt !== undefined) return invalid("expiresAt", "cannot be combined with expires")
  if (expiresAt !== undefined) return Effect.map(epochMillis("expiresAt", expiresAt), (at) => ({ expires: { at } }))
  if (expires === undefined) return Effect.succeed({})
  return Effect.map(required(durationMillis("expires", expires)), (inMillis) => ({ expires: { inMillis } }))
}

const checkTags = (tags: ReadonlyArray<string>) =>
  tags.length <= 16 && tags.every((tag) => typeof tag === "string" && tag.length >= 1 && tag.length <= 64)
    ? Effect.void
    : invalid("tags", "must be at most 16 texts of 1 to 64 characters")

/** Reading a payload may run its own code, which can throw anything. */
const problemOf = (problem: unknown): string =>
  Result.getOrElse(
    Result.try(() => (problem instanceof Error ? boundedText(problem.message) : describe(problem))),
    () => describe(problem)
  )

const encode = (
  task: AnyTask,
  payload: unknown,
  limit: number
): Effect.Effect<string, InvalidPayload | PayloadTooLarge> => {
  const exit = task.encodePayload(payload)
  if (Exit.isFailure(exit)) {
    return Effect.fail(new InvalidPayload({ kind: task.kind, problem: problemOf(Cause.squash(exit.cause)) }))
  }
  const text = exit.value
  const bytes = bytesBeyond(text, limit)
  return bytes === undefined
    ? Effect.succeed(text)
    : Effect.fail(new PayloadTooLarge({ kind: task.kind, bytes, limit }))
}

const hash = (text: string): string => createHash("sha256").update(text).digest("base64url")

const plainKey = /^[A-Za-z0-9._:@/+=-]{1,100}$/

/**
 * A key that was named, as the store knows it. A short plain one starts with `key:`, any other with `hash:` or, when it
 * is not well-formed Unicode and UTF-8 would make several keys one, with `text:`, so none collide.
 */
export const namedKey = (named: string): string => {
  if (plainKey.test(named)) return `key:${named}`
  return named.isWellFormed() ? `hash:${hash(named)}` : `text:${hash(JSON.stringify(named))}`
}

/** A unique key as the caller named it, if so, and as the store knows it; one that is derived starts with `payload:`. */
const keyOf = (task: AnyTask, { key }: Unique<AnyTask>, payload: unknown, text: string) => {
  const named = typeof key === "function" ? key(payload) : key
  return { named, stored: named === undefined ? `payload:${hash(`${task.kind}\n${text}`)}` : namedKey(named) }
}

const orderKeyOf = <T extends AnyTask>(
  task: T,
  { orderKey }: Pick<EnqueueManyOptions<T>, "orderKey">,
  payload: Payload<T>,
  place: number
) => required(checkOrderKey(orderKey?.(payload, place) ?? task.orderBy?.(payload)))

const uniqueness = Effect.fnUntraced(function* <T extends AnyTask>(unique: EnqueueManyOptions<T>["unique"]) {
  if (unique === undefined || unique === false) return undefined
  const { replace, until, window, ...rest } = unique === true ? {} : unique
  if (until !== undefined && window !== undefined) return yield* invalid("unique", "has either until or window")
  const windowMillis = window === undefined ? undefined : yield* required(durationMillis("unique.window", window, 1))
  return {
    by: rest as Unique<AnyTask>,
    held: {
      ...(until === undefined ? {} : { uniqueUntil: until }),
      ...(windowMillis === undefined ? {} : { uniqueWindowMillis: windowMillis }),
      ...(replace === true ? { onDuplicate: "replace" as const } : {})
    }
  }
})

/**
 * Checks and encodes jobs, so that what reaches the store is right and complete, and says which queues they go to.
 *
 * **Ref** docs/semantics.md SHARD-1
 */
export const prepare = Effect.fnUntraced(function* <T extends AnyTask>(
  task: T,
  payloads: ReadonlyArray<Payload<T>>,
  options: EnqueueManyOptions<T>,
  maxPayloadBytes: number
) {
  const queue = options.queue ?? task.queue
  const priority = options.priority ?? task.priority
  const maxAttempts = options.maxAttempts ?? task.maxAttempts
  yield* required(checkKind(task.kind))
  yield* required(checkAnyQueue(queue))
  yield* required(checkPriority(priority))
  yield* required(checkMaxAttempts(maxAttempts))
  const retainMillis = yield* required(durationMillis("retention", task.retentionMillis))
  if (payloads.length > maxBatchJobs) {
    return yield* invalid("payloads", `holds ${payloads.length} jobs, at most ${maxBatchJobs} are stored in one step`)
  }
  const visible = yield* visibility(options)
  const expires = yield* expiry(options)
  const unique = yield* uniqueness(options.unique)
  if (options.tags !== undefined) yield* checkTags(options.tags)
  const trace = yield* traceHeaders
  const ids = yield* JobIds
  const batches = new Batches()
  let length = 0
  for (let i = 0; i < payloads.length; i++) {
    const payload = payloads[i]!
    const text = yield* encode(task, payload, maxPayloadBytes)
    length += text.length
    if (length > maxBatchLength) {
      return yield* invalid("payloads", `hold more than ${maxBatchLength} characters, too many for one step`)
    }
    let id: JobId
    if (options.id === undefined) id = yield* ids.next
    else id = options.id(payload, i)
    // those of a JobIds service of one's own as well
    yield* required(checkJobId(id))
    const key = unique === undefined ? undefined : keyOf(task, unique.by, payload, text)
    let shard: string
    if (typeof queue === "string") shard = queue
    else {
      const orderKey = yield* orderKeyOf(task, options, payload, i)
      shard = shardFor(queue, orderKey ?? key?.named ?? key?.stored ?? id)
    }
    const job = {
      id,
      kind: task.kind,
      payload: text,
      priority,
      maxAttempts,
      retainMillis,
      ...visible,
      ...expires,
      ...trace,
      ...(options.tags === undefined ? {} : { tags: options.tags }),
      ...(unique === undefined || key === undefined ? {} : { uniqueKey: key.stored, ...unique.held })
    }
    batches.add(shard, job, i)
  }
  return batches.all
})
