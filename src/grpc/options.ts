import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Backoff } from "../domain/Backoff.ts"
import {
  checkLease,
  checkMaxAttempts,
  checkPriority,
  checkQueue,
  defaultMaxPayloadBytes,
  durationMillis,
  InvalidInput
} from "../domain/limits.ts"
import { type AnyQueue, checkAnyQueue, nameOf, shardsOf } from "../domain/Sharded.ts"
import { checkTicks, type TickerOptions } from "../features/schedules/Ticker.ts"
import { policyOf, type Retention } from "../features/maintenance/Maintenance.ts"

/** Certificates and keys, in PEM. */
export interface TlsOptions {
  readonly cert: string | Uint8Array
  readonly key: string | Uint8Array
  /** Whoever signs the certificates of clients: only clients with such a certificate get in. Left out: any client. */
  readonly clientCa?: string | Uint8Array
}

/** What calls need not say about a queue. */
export interface QueueDefaults {
  /** Attempts of jobs enqueued without a number, the first one included; 20 when left out. */
  readonly maxAttempts?: number
  /** Of jobs enqueued without one, lower runs first; 5 when left out. */
  readonly priority?: number
  /** The wait after a failure that names none; a second when left out. */
  readonly backoff?: Backoff
}

/**
 * How a server listens and what it allows. docs/guides/grpc.md tells how the parts play together.
 * @category layers
 * @since 0.1.0
 */
export interface ServerOptions {
  /** `127.0.0.1` when left out: only this machine. `0.0.0.0` or `::` for everybody; then use `tls` and `tokens`. */
  readonly host?: string
  /** 50051 when left out; 0 takes a free one, which `address` tells. */
  readonly port?: number
  /** Left out: nothing is encrypted. */
  readonly tls?: TlsOptions
  /** Every call but health checks must carry one of these as `authorization: Bearer <token>`. Left out: none is asked. */
  readonly tokens?: ReadonlyArray<Redacted.Redacted<string>>
  /** Largest message taken, in bytes; 4 MiB when left out. */
  readonly maxMessageBytes?: number
  /** Largest payload taken, in bytes; 512 KiB when left out. */
  readonly maxPayloadBytes?: number
  /** Longest that a call may take or wait, streams aside; 5 minutes when left out. */
  readonly maxDeadline?: Duration.Input
  /** How long calls may go on once the server is told to stop; 30 seconds when left out. Those that only wait end at once. */
  readonly drain?: Duration.Input
  /** How long a claimed job is held unless its claim says otherwise; 30 seconds when left out. */
  readonly leaseDuration?: Duration.Input
  /** How long completed and cancelled jobs are kept unless their enqueue says otherwise; 7 days when left out. */
  readonly jobRetention?: Duration.Input
  /** How long a connection is used before its client is sent to connect anew; as long as it lasts when left out. */
  readonly maxConnectionAge?: Duration.Input
  /**
   * Queues that are kept in order besides all that are known. The name of a sharded one stands for its shards in calls:
   * docs/guides/sharding.md.
   */
  readonly queues?: ReadonlyArray<AnyQueue>
  /** What holds for jobs of a queue whose calls do not say it, by queue; a shard is as its queue unless it is named. */
  readonly queueDefaults?: Readonly<Record<string, QueueDefaults>>
  /** Between two rounds of keeping queues in order; 5 seconds when left out. */
  readonly sweep?: Duration.Input
  /** Whether, and how, it lets schedules tick, those of all queues; true when left out. */
  readonly ticks?: boolean | TickerOptions
  /** How long records of ended jobs are kept, in all. */
  readonly retention?: Retention
  /** Whether clients may ask for the service's description; true when left out. */
  readonly reflection?: boolean
  /** Which calls are logged: `all`, which is the default, or only those that fail. */
  readonly logCalls?: "all" | "failures"
}

const integer = (field: string, value: number, least: number, most: number) =>
  Number.isInteger(value) && value >= least && value <= most
    ? Effect.succeed(value)
    : Effect.fail(new InvalidInput({ field, problem: `must be an integer from ${least} to ${most}, not ${value}` }))

const millis = (field: string, input: Duration.Input, least: number) =>
  Effect.fromResult(durationMillis(field, input, least))

const mebibyte = 1024 * 1024

type Defaults = Readonly<Record<string, QueueDefaults>>

/** The defaults of sharded queues are those of their shards, too. */
const withShards = (defaults: Defaults, queues: ReadonlyArray<AnyQueue>): Defaults => ({
  ...Object.fromEntries(
    queues.flatMap((queue) => {
      const own = defaults[nameOf(queue)]
      return own === undefined ? [] : shardsOf(queue).map((shard) => [shard, own] as const)
    })
  ),
  ...defaults
})

/** Checks the options and fills in what was left out. */
export const settingsOf = Effect.fnUntraced(function* (options: ServerOptions) {
  const leaseMillis = yield* millis("leaseDuration", options.leaseDuration ?? "30 seconds", 1)
  yield* Effect.fromResult(checkLease(leaseMillis))
  const tokens = options.tokens ?? []
  if (options.tokens?.length === 0 || tokens.some((token) => Redacted.value(token).trim() === "")) {
    // an empty list or token comes from a setting that is not there, and must not open the door
    return yield* Effect.fail(new InvalidInput({ field: "tokens", problem: "must not be empty" }))
  }
  for (const [queue, { maxAttempts, priority }] of Object.entries(options.queueDefaults ?? {})) {
    yield* Effect.fromResult(checkQueue(queue))
    if (maxAttempts !== undefined) yield* Effect.fromResult(checkMaxAttempts(maxAttempts))
    if (priority !== undefined) yield* Effect.fromResult(checkPriority(priority))
  }
  yield* Effect.fromResult(checkTicks(options.ticks ?? true))
  const queues = options.queues ?? []
  for (const queue of queues) yield* Effect.fromResult(checkAnyQueue(queue))
  return {
    host: options.host ?? "127.0.0.1",
    port: yield* integer("port", options.port ?? 50051, 0, 65_535),
    tls: options.tls,
    tokens,
    maxMessageBytes: yield* integer("maxMessageBytes", options.maxMessageBytes ?? 4 * mebibyte, 1024, 1024 * mebibyte),
    maxPayloadBytes: yield* integer(
      "maxPayloadBytes",
      options.maxPayloadBytes ?? defaultMaxPayloadBytes,
      1,
      512 * mebibyte
    ),
    maxMillis: yield* millis("maxDeadline", options.maxDeadline ?? "5 minutes", 1),
    drainMillis: yield* millis("drain", options.drain ?? "30 seconds", 0),
    leaseMillis,
    retentionMillis: yield* millis("jobRetention", options.jobRetention ?? "7 days", 0),
    connectionMillis:
      options.maxConnectionAge === undefined
        ? undefined
        : yield* millis("maxConnectionAge", options.maxConnectionAge, 1000),
    queues,
    queueDefaults: withShards(options.queueDefaults ?? {}, queues),
    sweepMillis: yield* millis("sweep", options.sweep ?? "5 seconds", 1),
    ticks: options.ticks ?? true,
    policy: yield* Effect.fromResult(policyOf(options.retention ?? {})),
    reflection: options.reflection ?? true,
    logCalls: options.logCalls ?? "all"
  }
})

export type Settings = Effect.Success<ReturnType<typeof settingsOf>>
