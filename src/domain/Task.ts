import * as Duration from "effect/Duration"
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Backoff from "./Backoff.ts"
import { jsonCodec, type PlainSchema } from "./json-codec.ts"
import { defaultMaxAttempts, defaultPriority, defaultQueue } from "./limits.ts"
import type { AnyQueue, Sharded } from "./Sharded.ts"

export type { PlainSchema } from "./json-codec.ts"

/** A token bucket: `limit` starts per `per`, refilled continuously. */
export interface RateLimitOptions {
  /** A whole number from 1. */
  readonly limit: number
  /** A millisecond at least. */
  readonly per: Duration.Input
  /** Starts that may come at once after a quiet time, from 1; `limit` when left out. */
  readonly burst?: number
}

/** What `Task.make` accepts besides the kind. */
export interface TaskOptions<P extends PlainSchema, S extends PlainSchema, E extends PlainSchema> {
  /** The payload: a schema, or the fields of a struct. */
  readonly payload: P | PlainFields
  /** What the handler returns. Left out: nothing is returned and nothing is kept. */
  readonly success?: S
  /** What the handler may fail with. Left out: the handler has no typed failure. */
  readonly error?: E
  /** Where its jobs wait unless the caller says otherwise: a name, or `Queues.sharded`; `default` when left out. */
  readonly queue?: AnyQueue
  /**
   * The key within which jobs keep their order when their queue is sharded: those with the same key go to the same
   * shard. Without one they are spread evenly. A plain queue keeps the order of all.
   */
  readonly orderBy?: (payload: P["Type"]) => string | undefined
  /** Lower runs first, -4096 to 4095; 5 when left out. */
  readonly priority?: number
  /** Attempts allowed, the first one included; 20 when left out. */
  readonly maxAttempts?: number
  /** How long one attempt may run before it is interrupted and fails; unlimited when left out. */
  readonly timeout?: Duration.Input
  /** The wait before the next attempt; `Backoff.standard` when left out. */
  readonly backoff?: Backoff.Backoff
  /** How often its jobs may start, over all workers of a queue; as often as they can when left out. */
  readonly rateLimit?: RateLimitOptions
  /** How long the record is kept after completion or cancellation; 7 days with a `success`, else 0. */
  readonly retention?: Duration.Input
}

/**
 * The definition of a kind of job: its name, its schemas, and how its jobs are run.
 *
 * **Shape** Extend it, so that the task has a name of its own in types and messages.
 * **Units** `timeoutMillis` and `retentionMillis` in milliseconds.
 * **Example** examples/quickstart.ts
 * @category jobs
 * @since 0.1.0
 */
export interface Task<
  Kind extends string,
  P extends PlainSchema,
  S extends PlainSchema = typeof Schema.Void,
  E extends PlainSchema = typeof Schema.Never,
  Q extends AnyQueue = string
> {
  new (_: never): {}
  readonly kind: Kind
  readonly payload: P
  readonly success: S
  readonly error: E
  readonly queue: Q
  /** Given what `enqueue` was given, once that has been encoded; never called for a plain queue. */
  readonly orderBy: ((payload: P["Type"]) => string | undefined) | undefined
  readonly priority: number
  readonly maxAttempts: number
  readonly timeoutMillis: number | undefined
  readonly backoff: Backoff.Backoff
  readonly retentionMillis: number
  readonly rateLimit: RateLimitOptions | undefined
  /** Whether a `success` was declared, so that results are stored. */
  readonly hasResult: boolean
  /** The payload as a JSON text; a failure names the first thing that does not fit. Never throws. */
  readonly encodePayload: (value: unknown) => Exit.Exit<string, Schema.SchemaError>
  /** The payload from its JSON text; a text that is not JSON is a defect of the exit. */
  readonly decodePayload: (text: string) => Exit.Exit<P["Type"], Schema.SchemaError>
  /** Whether an `error` was declared, so that typed failures are stored. */
  readonly hasFailure: boolean
  readonly encodeFailure: (value: unknown) => Exit.Exit<string, Schema.SchemaError>
  readonly decodeFailure: (text: string) => Exit.Exit<E["Type"], Schema.SchemaError>
  readonly encodeSuccess: (value: unknown) => Exit.Exit<string, Schema.SchemaError>
  readonly decodeSuccess: (text: string) => Exit.Exit<S["Type"], Schema.SchemaError>
}

/** A task of whatever kind. */
export type AnyTask = Task<string, any, any, any, AnyQueue>
/** A task's payload, decoded. */
export type Payload<T extends AnyTask> = T["payload"]["Type"]
/** What a handler of a task gives. */
export type Success<T extends AnyTask> = T["success"]["Type"]
/** What a handler of a task may fail with. */
export type Failure<T extends AnyTask> = T["error"]["Type"]

/** The fields of a payload struct whose codecs need no services. */
export type PlainFields = { readonly [name: PropertyKey]: PlainSchema }

type PayloadSchema<P extends PlainSchema | PlainFields> = P extends PlainSchema
  ? P
  : P extends PlainFields
    ? Schema.Struct<P> extends infer Fields extends PlainSchema
      ? Fields
      : never
    : never

/** Names are not told apart by types. */
type QueueOf<Q extends AnyQueue> = Q extends string ? string : Sharded

const sevenDaysMillis = 7 * 24 * 60 * 60 * 1000

const millisOf = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

/**
 * Defines a kind of job.
 *
 * **Shape** `class SendEmail extends Task.make("email.send", { payload: { to: Schema.String } }) {}`
 * **Errors** a duration that is none throws, since a definition that makes no sense is a bug. A bad kind, queue,
 * priority or attempt count is an `InvalidInput` when the task is first used.
 * **Example** examples/quickstart.ts
 * @category jobs
 * @since 0.1.0
 */
export const make = <
  const Kind extends string,
  const P extends PlainSchema | PlainFields,
  S extends PlainSchema = typeof Schema.Void,
  E extends PlainSchema = typeof Schema.Never,
  Q extends AnyQueue = string
>(
  kind: Kind,
  options: Omit<TaskOptions<any, S, E>, "payload" | "queue" | "orderBy"> & {
    readonly payload: P
    readonly queue?: Q
    readonly orderBy?: (payload: PayloadSchema<P>["Type"]) => string | undefined
  }
): Task<Kind, PayloadSchema<P>, S, E, QueueOf<Q>> => {
  const payload: PlainSchema = Schema.isSchema(options.payload)
    ? (options.payload as unknown as PlainSchema)
    : (Schema.Struct(options.payload as Schema.Struct.Fields) as unknown as PlainSchema)
  const payloadCodec = jsonCodec(payload)
  const successCodec = jsonCodec(options.success ?? Schema.Void)
  const failureCodec = jsonCodec(options.error ?? Schema.Never)
  class Definition {}
  return Object.assign(Definition, {
    kind,
    payload,
    success: options.success ?? Schema.Void,
    error: options.error ?? Schema.Never,
    queue: options.queue ?? defaultQueue,
    orderBy: options.orderBy,
    priority: options.priority ?? defaultPriority,
    maxAttempts: options.maxAttempts ?? defaultMaxAttempts,
    timeoutMillis: options.timeout === undefined ? undefined : millisOf(options.timeout),
    backoff: options.backoff ?? Backoff.standard,
    retentionMillis:
      options.retention === undefined
        ? options.success === undefined
          ? 0
          : sevenDaysMillis
        : millisOf(options.retention),
    rateLimit: options.rateLimit,
    hasResult: options.success !== undefined,
    hasFailure: options.error !== undefined,
    encodeFailure: failureCodec.encode,
    decodeFailure: failureCodec.decode,
    encodePayload: payloadCodec.encode,
    decodePayload: payloadCodec.decode,
    encodeSuccess: successCodec.encode,
    decodeSuccess: successCodec.decode
  }) as unknown as Task<Kind, PayloadSchema<P>, S, E, QueueOf<Q>>
}
