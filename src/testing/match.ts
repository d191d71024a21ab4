import { inspect } from "node:util"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Equal from "effect/Equal"
import type { Pipeable } from "effect/Pipeable"
import type { JobId } from "../domain/Job.ts"
import { type AnyQueue, shardsOf } from "../domain/Sharded.ts"
import type { AnyTask, Payload } from "../domain/Task.ts"
import { namedKey } from "../features/client/unique-key.ts"
import type { EnqueueOutcome } from "../ports/JobStore.ts"
import type { Enqueued } from "./Enqueued.ts"

/** Some fields of a value, and of the values in it; lists and everything that is no plain object are compared whole. */
export type Part<A> = A extends
  | ReadonlyArray<unknown>
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | Date
  | Function
  | Pipeable
  ? A
  : A extends object
    ? { readonly [K in keyof A]?: Part<A[K]> }
    : A

/** What a job must be like. What is left out may be anything. */
export interface Match<T extends AnyTask> {
  /** Some fields of the payload, or a predicate. */
  readonly payload?: Part<Payload<T>> | ((payload: Payload<T>) => boolean)
  readonly id?: JobId
  /** A name; or a sharded queue, for any of its shards. */
  readonly queue?: AnyQueue
  readonly priority?: number
  readonly maxAttempts?: number
  /** How long it was delayed, exactly; 0 for not at all. */
  readonly delay?: Duration.Input
  /** When it was due. */
  readonly at?: DateTime.DateTime | Date | number
  /** Whether it has a unique key, or which. */
  readonly unique?: boolean | string
  /** Tags that it has, among others. */
  readonly tags?: ReadonlyArray<string>
  /** What the store made of it; when left out, only jobs that were stored match. */
  readonly outcome?: EnqueueOutcome["_tag"]
}

const show = (value: unknown): string =>
  inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: 8, maxStringLength: 200 })

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" &&
  value !== null &&
  (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)

/** Where a value is not as expected, and how. */
const differences = (path: string, expected: unknown, actual: unknown): ReadonlyArray<string> => {
  if (isPlain(expected) && typeof actual === "object" && actual !== null) {
    return Object.entries(expected).flatMap(([key, value]) =>
      differences(`${path}.${key}`, value, (actual as Readonly<Record<string, unknown>>)[key])
    )
  }
  return Equal.equals(expected, actual) ? [] : [`${path} is ${show(actual)}, not ${show(expected)}`]
}

const millisOf = (at: DateTime.DateTime | Date | number): number =>
  typeof at === "number" ? at : at instanceof Date ? at.getTime() : DateTime.toEpochMillis(at)

const isoOf = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

const isPredicate = <T extends AnyTask>(
  payload: NonNullable<Match<T>["payload"]>
): payload is (payload: Payload<T>) => boolean => typeof payload === "function"

const payloadMisfits = <T extends AnyTask>(payload: Match<T>["payload"], actual: Payload<T>): ReadonlyArray<string> => {
  if (payload === undefined) return []
  if (!isPredicate<T>(payload)) return differences("payload", payload, actual)
  return payload(actual) ? [] : ["payload does not satisfy the predicate"]
}

const queueMisfits = (queue: AnyQueue | undefined, actual: string): ReadonlyArray<string> => {
  if (queue === undefined || shardsOf(queue).includes(actual)) return []
  return typeof queue === "string"
    ? differences("queue", queue, actual)
    : [`queue is ${show(actual)}, no shard of ${show(queue.name)}`]
}

const uniqueMisfits = (unique: boolean | string | undefined, key: string | undefined): ReadonlyArray<string> => {
  if (unique === undefined) return []
  if (typeof unique === "boolean") {
    return unique === (key !== undefined) ? [] : [unique ? "it is not unique" : `it is unique, by ${show(key)}`]
  }
  return key === namedKey(unique) ? [] : [`unique key is ${show(key)}, not ${show(namedKey(unique))}`]
}

/** In what a job is not as it must be; nothing when it is. */
export const misfits = <T extends AnyTask>(job: Enqueued<T>, match: Match<T>): ReadonlyArray<string> => {
  const { at, delay, outcome, tags } = match
  const fields = (["id", "priority", "maxAttempts"] as const).flatMap((name) =>
    match[name] === undefined ? [] : differences(name, match[name], job[name])
  )
  const delayMillis = delay === undefined ? undefined : Duration.toMillis(Duration.fromInputUnsafe(delay))
  const due = at === undefined ? undefined : millisOf(at)
  const stored = job.outcome === "Enqueued" || job.outcome === "Replaced"
  return [
    ...payloadMisfits(match.payload, job.payload),
    ...queueMisfits(match.queue, job.queue),
    ...fields,
    ...(delayMillis === undefined || delayMillis === job.delayMillis
      ? []
      : [`delay is ${job.delayMillis} ms, not ${delayMillis} ms`]),
    ...(due === undefined || due === job.at ? [] : [`it was due at ${isoOf(job.at)}, not ${isoOf(due)}`]),
    ...uniqueMisfits(match.unique, job.uniqueKey),
    ...(tags ?? []).filter((tag) => !job.tags.includes(tag)).map((tag) => `it has no tag ${show(tag)}`),
    ...(outcome === undefined
      ? stored
        ? []
        : [`it was left out: ${job.outcome}`]
      : outcome === job.outcome
        ? []
        : [`outcome is ${job.outcome}, not ${outcome}`])
  ]
}

/** A match in a line. */
export const describeMatch = <T extends AnyTask>(match: Match<T>): string =>
  Object.entries(match)
    .map(([name, value]) => `${name} ${typeof value === "function" ? "by a predicate" : show(value)}`)
    .join(", ")

/** A job in a line. */
export const describeJob = (job: Enqueued): string =>
  [
    `${job.kind} ${show(job.payload)} in ${job.queue}, priority ${job.priority}`,
    ...(job.delayMillis === 0 ? [] : [`delay ${job.delayMillis} ms`]),
    ...(job.uniqueKey === undefined ? [] : ["unique"]),
    ...(job.tags.length === 0 ? [] : [`tags ${job.tags.join(" ")}`])
  ].join(", ")
