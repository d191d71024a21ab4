import type * as Duration from "effect/Duration"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cron from "../../domain/Cron.ts"
import {
  checkKind,
  checkMaxAttempts,
  checkPriority,
  defaultMaxPayloadBytes,
  durationMillis,
  InvalidInput
} from "../../domain/limits.ts"
import { type AnyQueue, checkAnyQueue, checkOrderKey, shardFor } from "../../domain/Sharded.ts"
import { checkMissed, checkScheduleName, type Definition, type Missed, type Overlap } from "../../domain/Schedule.ts"
import type { AnyTask, Payload } from "../../domain/Task.ts"
import { InvalidPayload, PayloadTooLarge } from "../client/Client.ts"

/** The payload of every job; it may be left out when the task's payload is empty, or may be. */
type WithPayload<T extends AnyTask> =
  undefined extends Payload<T>
    ? { readonly payload?: Payload<T> }
    : {} extends Payload<T>
      ? { readonly payload?: Payload<T> }
      : { readonly payload: Payload<T> }

/** What can be said of a schedule's jobs and of its ticks. What is left out comes from the task. */
export interface EntryChoices {
  /** Where its jobs go, and where it lives; of a sharded queue that is one shard, by order key or else by its name. */
  readonly queue?: AnyQueue
  /** Lower runs first, -4096 to 4095. */
  readonly priority?: number
  /** Attempts allowed, the first one included. */
  readonly maxAttempts?: number
  /** Words to find its jobs by; at most 16 of at most 64 characters. */
  readonly tags?: ReadonlyArray<string>
  /**
   * How long after its tick a job expires: no attempt starts from then on, be it the first or a retry, and the job is
   * cancelled instead. An attempt that has started goes on.
   *
   * **Ref** docs/semantics.md EXPIRE-1..3
   */
  readonly expires?: Duration.Input
  /** What becomes of ticks that nobody was there for; `latest` when left out. */
  readonly missed?: Missed
  /** What becomes of a tick while an earlier job of the schedule has not ended; `allow` when left out. */
  readonly overlap?: Overlap
}

/**
 * When a schedule ticks, and what its jobs are.
 * @category schedules
 * @since 0.1.0
 */
export type EntryOptions<T extends AnyTask> = Cron.When & EntryChoices & WithPayload<T>

/**
 * A schedule as code declares it; checked when it is put into force.
 * @category schedules
 * @since 0.1.0
 */
export interface Entry {
  readonly name: string
  readonly task: AnyTask
  readonly options: Cron.When & EntryChoices & { readonly payload?: unknown }
}

/** An entry, checked and complete. */
export interface Planned {
  readonly name: string
  readonly queue: string
  readonly timing: Cron.Timing
  readonly definition: Definition
}

const encodePayload = (task: AnyTask, options: Entry["options"], limit: number) => {
  const given = task.encodePayload(options.payload)
  // left out, it may be nothing or an empty struct
  const exit = Exit.isFailure(given) && options.payload === undefined ? task.encodePayload({}) : given
  if (Exit.isFailure(exit)) {
    const problem = Cause.squash(exit.cause)
    return Effect.fail(
      new InvalidPayload({ kind: task.kind, problem: problem instanceof Error ? problem.message : String(problem) })
    )
  }
  const bytes = new TextEncoder().encode(exit.value).length
  return bytes > limit
    ? Effect.fail(new PayloadTooLarge({ kind: task.kind, bytes, limit }))
    : Effect.succeed(exit.value)
}

/** A payload that was left out is an empty struct at most, which has no key. */
const orderKeyOf = (task: AnyTask, { payload }: Entry["options"]) =>
  Effect.fromResult(checkOrderKey(payload === undefined ? undefined : task.orderBy?.(payload)))

const invalid = (field: string, problem: string) => Effect.fail(new InvalidInput({ field, problem }))

/** What is wrong, and with which entry. */
const named =
  (name: string) =>
  ({ field, problem }: InvalidInput): InvalidInput =>
    new InvalidInput({ field: `schedule ${name}: ${field}`, problem })

/** Checks and encodes an entry, so that what reaches the store is right and complete. */
export const planOne = Effect.fnUntraced(function* (
  { name, options, task }: Entry,
  group: string | undefined,
  maxPayloadBytes: number
) {
  const { expires, maxAttempts = task.maxAttempts, missed = "latest", overlap = "allow" } = options
  const { priority = task.priority, queue = task.queue, tags } = options
  yield* Effect.fromResult(checkScheduleName(name))
  yield* Effect.fromResult(checkKind(task.kind))
  yield* Effect.fromResult(checkAnyQueue(queue))
  yield* Effect.fromResult(checkPriority(priority))
  yield* Effect.fromResult(checkMaxAttempts(maxAttempts))
  yield* Effect.fromResult(checkMissed(missed))
  if (overlap !== "allow" && overlap !== "skip") {
    return yield* invalid("overlap", `must be "allow" or "skip", not ${JSON.stringify(overlap)}`)
  }
  if (tags !== undefined && !(tags.length <= 16 && tags.every(({ length }) => length >= 1 && length <= 64))) {
    return yield* invalid("tags", "must be at most 16 texts of 1 to 64 characters")
  }
  const timing = yield* Effect.fromResult(Cron.parse(options, name))
  const definition: Definition = {
    kind: task.kind,
    payload: yield* encodePayload(task, options, maxPayloadBytes),
    priority,
    maxAttempts,
    retainMillis: yield* Effect.fromResult(durationMillis("retention", task.retentionMillis)),
    ...(tags === undefined ? {} : { tags }),
    ...(expires === undefined
      ? {}
      : { expiresMillis: yield* Effect.fromResult(durationMillis("expires", expires, 1)) }),
    when: timing.plain,
    missed: typeof missed === "object" ? { all: missed.all } : missed,
    overlap,
    ...(group === undefined ? {} : { group })
  }
  const shard = typeof queue === "string" ? queue : shardFor(queue, (yield* orderKeyOf(task, options)) ?? name)
  return { name, queue: shard, timing, definition } satisfies Planned
})

/** The same for one entry of several, or of a program: what is wrong is said with its name. */
export const plan = (entry: Entry, group: string | undefined) =>
  planOne(entry, group, defaultMaxPayloadBytes).pipe(
    Effect.catchTag("InvalidInput", (error) => Effect.fail(named(entry.name)(error)))
  )
