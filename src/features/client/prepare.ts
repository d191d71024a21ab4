import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { boundedText } from "../../domain/bounded-text.ts"
import { describe } from "../../domain/describe.ts"
import type { JobId } from "../../domain/Job.ts"
import {
  bytesBeyond,
  checkJobId,
  checkKind,
  checkMaxAttempts,
  checkPriority,
  durationMillis,
  InvalidInput,
  maxBatchJobs,
  maxBatchLength
} from "../../domain/limits.ts"
import { type AnyQueue, checkAnyQueue, checkOrderKey, shardFor } from "../../domain/Sharded.ts"
import type { AnyTask, Payload } from "../../domain/Task.ts"
import { drawJobId, JobIds } from "../../ports/JobIds.ts"
import type { NewJob } from "../../ports/JobStore.ts"
import { traceHeaders } from "../telemetry/Tracing.ts"
import { type Batch, Batches } from "./Batch.ts"
import type { EnqueueManyOptions } from "./EnqueueOptions.ts"
import { InvalidPayload, PayloadTooLarge } from "./errors.ts"
import { keyOf, uniqueness, type Uniqueness } from "./unique-key.ts"
import { expiry, visibility } from "./when.ts"

/** What a call can get wrong by itself. */
type Mistake = InvalidInput | InvalidPayload | PayloadTooLarge

const invalid = (field: string, problem: string) => Result.fail(new InvalidInput({ field, problem }))

const checkTags = (tags: ReadonlyArray<string>) =>
  tags.length <= 16 && tags.every((tag) => typeof tag === "string" && tag.length >= 1 && tag.length <= 64)
    ? Result.succeed(undefined)
    : invalid("tags", "must be at most 16 texts of 1 to 64 characters")

/** Reading a payload may run its own code, which can throw anything. */
const problemOf = (problem: unknown): string =>
  Result.getOrElse(
    Result.try(() => (problem instanceof Error ? boundedText(problem.message) : describe(problem))),
    () => describe(problem)
  )

/** The payload's text, or what is wrong with it. */
const encode = (task: AnyTask, payload: unknown, limit: number): string | InvalidPayload | PayloadTooLarge => {
  const exit = task.encodePayload(payload)
  if (Exit.isFailure(exit)) {
    return new InvalidPayload({ kind: task.kind, problem: problemOf(Cause.squash(exit.cause)) })
  }
  const bytes = bytesBeyond(exit.value, limit)
  return bytes === undefined ? exit.value : new PayloadTooLarge({ kind: task.kind, bytes, limit })
}

/** Those of a call that gives none. */
export const noOptions = {}

/** What the jobs of one call have in common. */
interface Common {
  readonly queue: AnyQueue
  readonly unique: Uniqueness | undefined
  /** With an empty id and payload: a copy that changes two fields is made quicker than one that gains them. */
  readonly job: NewJob
}

const commonByTask = new WeakMap<AnyTask, Result.Result<Common, InvalidInput>>()

/** As `commonOf`; what a task says by itself is checked once. */
const commonFor = <T extends AnyTask>(task: T, options: EnqueueManyOptions<T>): Result.Result<Common, InvalidInput> => {
  if (options !== noOptions) return commonOf(task, options)
  let common = commonByTask.get(task)
  if (common === undefined) {
    common = commonOf(task, options)
    commonByTask.set(task, common)
  }
  return common
}

const commonOf = <T extends AnyTask>(task: T, options: EnqueueManyOptions<T>): Result.Result<Common, InvalidInput> => {
  const { maxAttempts = task.maxAttempts, priority = task.priority, queue = task.queue, tags } = options
  const checks = [checkKind(task.kind), checkAnyQueue(queue), checkPriority(priority), checkMaxAttempts(maxAttempts)]
  for (const check of checks) if (Result.isFailure(check)) return Result.fail(check.failure)
  const retainMillis = durationMillis("retention", task.retentionMillis)
  if (Result.isFailure(retainMillis)) return Result.fail(retainMillis.failure)
  const visible = visibility(options)
  if (Result.isFailure(visible)) return Result.fail(visible.failure)
  const expires = expiry(options)
  if (Result.isFailure(expires)) return Result.fail(expires.failure)
  const unique = uniqueness(options.unique)
  if (Result.isFailure(unique)) return Result.fail(unique.failure)
  const areTags = tags === undefined ? undefined : checkTags(tags)
  if (areTags !== undefined && Result.isFailure(areTags)) return Result.fail(areTags.failure)
  return Result.succeed({
    queue,
    unique: unique.success,
    job: {
      id: "",
      payload: "",
      kind: task.kind,
      priority,
      maxAttempts,
      retainMillis: retainMillis.success,
      ...visible.success,
      ...expires.success,
      ...(tags === undefined ? {} : { tags })
    }
  })
}

/** Every job's own part. `idOf` is asked once for each, in order. */
const batchesOf = <T extends AnyTask>(
  task: T,
  payloads: ReadonlyArray<Payload<T>>,
  options: EnqueueManyOptions<T>,
  { job: common, queue, unique }: Common,
  idOf: (payload: Payload<T>, place: number) => JobId,
  areDrawn: boolean,
  maxPayloadBytes: number
): Result.Result<ReadonlyArray<Batch>, Mistake> => {
  const batches = new Batches()
  let length = 0
  for (let i = 0; i < payloads.length; i++) {
    const payload = payloads[i]!
    const text = encode(task, payload, maxPayloadBytes)
    if (typeof text !== "string") return Result.fail(text)
    length += text.length
    if (length > maxBatchLength) {
      return invalid("payloads", `hold more than ${maxBatchLength} characters, too many for one step`)
    }
    const id = idOf(payload, i)
    // those of a JobIds service of one's own as well
    const isId = areDrawn ? undefined : checkJobId(id)
    if (isId !== undefined && Result.isFailure(isId)) return Result.fail(isId.failure)
    const key = unique === undefined ? undefined : keyOf(task, unique.by, payload, text)
    let shard: string
    if (typeof queue === "string") shard = queue
    else {
      const orderKey = checkOrderKey(options.orderKey?.(payload, i) ?? task.orderBy?.(payload))
      if (Result.isFailure(orderKey)) return Result.fail(orderKey.failure)
      shard = shardFor(queue, orderKey.success ?? key?.named ?? key?.stored ?? id)
    }
    const job: NewJob = { ...common, id, payload: text }
    batches.add(shard, key === undefined ? job : { ...job, uniqueKey: key.stored, ...unique?.held }, i, areDrawn)
  }
  return Result.succeed(batches.all)
}

/**
 * Checks and encodes jobs, so that what reaches the store is right and complete, says which queues they go to, and goes
 * on with that.
 *
 * **Ref** docs/semantics.md SHARD-1
 */
export const prepareFor = <T extends AnyTask, A, E>(
  task: T,
  payloads: ReadonlyArray<Payload<T>>,
  options: EnqueueManyOptions<T>,
  maxPayloadBytes: number,
  goOn: (batches: ReadonlyArray<Batch>) => Effect.Effect<A, E>
): Effect.Effect<A, E | Mistake> =>
  // one step and not many, since it is run for every job
  Effect.withFiber((fiber) => {
    const found = commonFor(task, options)
    if (Result.isFailure(found)) return Effect.fail(found.failure)
    if (payloads.length > maxBatchJobs) {
      const problem = `holds ${payloads.length} jobs, at most ${maxBatchJobs} are stored in one step`
      return Effect.fail(new InvalidInput({ field: "payloads", problem }))
    }
    const headers = traceHeaders(fiber)
    const common = headers === undefined ? found.success : { ...found.success, job: { ...found.success.job, headers } }
    const finish = (
      idOf: (payload: Payload<T>, place: number) => JobId,
      areDrawn = false
    ): Effect.Effect<A, E | Mistake> => {
      const batches = batchesOf(task, payloads, options, common, idOf, areDrawn, maxPayloadBytes)
      return Result.isFailure(batches) ? Effect.fail(batches.failure) : goOn(batches.success)
    }

    if (options.id !== undefined) return finish(options.id)
    const { draw, next } = fiber.getRef(JobIds)
    if (draw === undefined) {
      return Effect.flatMap(Effect.replicateEffect(next, payloads.length), (ids) => finish((_, i) => ids[i]!))
    }
    const clock = fiber.getRef(Clock.Clock)
    const random = fiber.getRef(Random.Random)
    return finish(() => draw(clock, random), draw === drawJobId)
  })

/** As `prepareFor`, for those who do not go on at once. */
export const prepare = <T extends AnyTask>(
  task: T,
  payloads: ReadonlyArray<Payload<T>>,
  options: EnqueueManyOptions<T>,
  maxPayloadBytes: number
): Effect.Effect<ReadonlyArray<Batch>, Mistake> => prepareFor(task, payloads, options, maxPayloadBytes, Effect.succeed)
