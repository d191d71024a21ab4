import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Backoff from "../domain/Backoff.ts"
import type { When } from "../domain/Cron.ts"
import { defaultQueue } from "../domain/limits.ts"
import { maxMissed, type Missed, type Overlap } from "../domain/Schedule.ts"
import { whenOf } from "./cron-timing.ts"
import type { ConfigFile } from "./ConfigFile.ts"
import { parseDuration } from "./duration.ts"

/** How to reach Redis. Paths are as written, to be read from the folder of the file. */
export interface RedisSettings {
  /** `redis://...`, without the values below unless the configuration has them in its URL. */
  readonly url: Redacted.Redacted
  readonly username?: string
  readonly password?: Redacted.Redacted
  readonly db?: number
  readonly prefix: string
  readonly timeoutMillis: number
  readonly tls: boolean
  readonly tlsFiles: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly cluster?: ReadonlyArray<Node>
  readonly sentinels?: ReadonlyArray<Node>
  readonly sentinelName?: string
}

export interface Node {
  readonly host: string
  readonly port: number
}

export type LogLevel = "Trace" | "Debug" | "Info" | "Warn" | "Error" | "None"

/** The server of the wire protocol. What is left out has the server's own default. */
export interface ServerSettings {
  readonly host?: string
  readonly port: number
  /** Where `winter server` and `winter worker` serve metrics and probes; without a port they do not. */
  readonly httpHost?: string
  readonly httpPort?: number
  readonly logLevel: LogLevel
  readonly tlsFiles?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
  readonly tokens: ReadonlyArray<Redacted.Redacted>
  readonly maxMessageBytes?: number
  readonly maxDeadlineMillis?: number
  readonly drainMillis?: number
  readonly leaseMillis?: number
}

/** What holds for the jobs of a queue unless a caller or a task says otherwise. */
export interface QueueSettings {
  readonly name: string
  readonly weight?: number
  /** Over how many shards it is split; absent for a plain queue. */
  readonly shards?: number
  /** Handlers that a worker runs at once at most. */
  readonly concurrency?: number
  /** Jobs active at once, over all workers; 0 lifts the limit. */
  readonly maxActive?: number
  /** Attempts, the first one included. */
  readonly maxAttempts?: number
  readonly backoff?: Backoff.Backoff
  readonly priority?: number
}

/** How workers work. What is left out has the worker's own default. */
export interface WorkerSettings {
  readonly order: "weighted" | "strict"
  readonly concurrency?: number
  readonly heartbeatMillis?: number
  readonly leaseMillis?: number
  readonly sweepMillis?: number
  readonly pollMillis?: number
  readonly drainMillis?: number
}

export interface RetentionSettings {
  readonly deadMillis?: number
  readonly maxDead?: number
  readonly maxFinished?: number
}

/** A schedule declared by the file. */
export interface CronSettings {
  readonly name: string
  readonly when: When
  readonly queue: string
  readonly kind: string
  /** JSON; absent for a task without a payload. */
  readonly payload?: string
  readonly missed?: Missed
  readonly overlap?: Overlap
}

/** The configuration with every default filled in. Durations are in milliseconds. */
export interface Settings {
  readonly redis: RedisSettings
  readonly server: ServerSettings
  readonly queues: ReadonlyArray<QueueSettings>
  readonly workers: WorkerSettings
  readonly retention: RetentionSettings
  /** Absent when the configuration says nothing of schedules: then those of another one stay as they are. */
  readonly cron?: ReadonlyArray<CronSettings>
}

const defaultPort = 6379

const millis = (text: string): number => Result.getOrElse(parseDuration(text), () => 0)

/** Optional values under their new names; those that are not there are left out. */
const present = <A extends Record<string, unknown>>(values: A) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A as undefined extends A[K] ? K : never]?: Exclude<A[K], undefined>
  } & { readonly [K in keyof A as undefined extends A[K] ? never : K]: A[K] }

const durationOf = (text: string | undefined) => (text === undefined ? undefined : millis(text))

const redacted = (text: string | undefined) => (text === undefined ? undefined : Redacted.make(text))

/** `host`, `host:port` or a URL, as a URL. */
export const urlOf = (address: string): string => {
  if (/^rediss?:\/\//.test(address)) return address
  return `redis://${/:\d{1,5}$/.test(address) ? address : `${address}:${defaultPort}`}`
}

const nodeOf = (address: string): Node => {
  const { hostname, port } = new URL(urlOf(address))
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? defaultPort : Number(port) }
}

const levels = { trace: "Trace", debug: "Debug", info: "Info", warn: "Warn", error: "Error", none: "None" } as const

const backoffOf = (
  shape: "exponential" | "linear" | "fixed" | undefined,
  base: string | undefined
): Backoff.Backoff | undefined => {
  if (shape === undefined && base === undefined) return undefined
  const baseMillis = millis(base ?? "1s")
  switch (shape ?? "exponential") {
    case "exponential":
      return Backoff.exponential(baseMillis).pipe(Backoff.jittered, Backoff.capped("1 hour"))
    case "linear":
      return Backoff.linear(baseMillis).pipe(Backoff.jittered, Backoff.capped("1 hour"))
    case "fixed":
      return Backoff.fixed(baseMillis).pipe(Backoff.jittered)
  }
}

const redisOf = (redis: NonNullable<ConfigFile["redis"]>): RedisSettings => ({
  url: Redacted.make(redis.url ?? urlOf(redis.addr ?? "localhost")),
  prefix: redis.prefix ?? "winterq",
  timeoutMillis: millis(redis.timeout ?? "5s"),
  tls: redis.tls ?? (redis.tls_ca !== undefined || redis.tls_cert !== undefined),
  tlsFiles: present({ ca: redis.tls_ca, cert: redis.tls_cert, key: redis.tls_key }),
  ...present({
    username: redis.username,
    password: redis.password === "" ? undefined : redacted(redis.password),
    db: redis.db,
    cluster: redis.cluster?.map(nodeOf),
    sentinels: redis.sentinels?.map(nodeOf),
    sentinelName: redis.sentinel_name
  })
})

const serverOf = (server: NonNullable<ConfigFile["server"]>): ServerSettings => ({
  port: Number(server.grpc_port ?? 50_051),
  logLevel: levels[server.log_level ?? "info"],
  tokens: (server.tokens ?? []).map((token) => Redacted.make(token)),
  ...present({
    host: server.grpc_host,
    httpHost: server.http_host,
    httpPort: server.http_port === undefined ? undefined : Number(server.http_port),
    tlsFiles:
      server.tls_cert === undefined || server.tls_key === undefined
        ? undefined
        : { cert: server.tls_cert, key: server.tls_key, ...present({ clientCa: server.tls_client_ca }) },
    maxMessageBytes: server.max_message_bytes,
    maxDeadlineMillis: durationOf(server.max_deadline),
    drainMillis: durationOf(server.drain),
    leaseMillis: durationOf(server.lease)
  })
})

const payloadText = (payload: unknown): string | undefined =>
  payload === undefined ? undefined : typeof payload === "string" ? payload : JSON.stringify(payload)

/** Fills in the defaults of a file that was found to make sense. */
export const settingsOf = (file: ConfigFile): Settings => ({
  redis: redisOf(file.redis ?? {}),
  server: serverOf(file.server ?? {}),
  queues: Object.entries(file.queues ?? {}).map(([name, queue]) => ({
    name,
    ...present({
      weight: queue.weight,
      shards: queue.shards,
      concurrency: queue.concurrency,
      maxActive: queue.max_active,
      maxAttempts: queue.max_retries,
      backoff: backoffOf(queue.backoff, queue.backoff_base),
      priority: queue.priority_default
    })
  })),
  workers: {
    order: file.workers?.order ?? "weighted",
    ...present({
      concurrency: file.workers?.concurrency,
      heartbeatMillis: durationOf(file.workers?.heartbeat_interval),
      leaseMillis: durationOf(file.workers?.stale_threshold),
      sweepMillis: durationOf(file.workers?.recovery_interval),
      pollMillis: durationOf(file.scheduler?.poll_interval),
      drainMillis: durationOf(file.workers?.drain)
    })
  },
  retention: present({
    deadMillis: durationOf(file.retention?.dead),
    maxDead: file.retention?.max_dead,
    maxFinished: file.retention?.max_finished
  }),
  ...(file.cron === undefined ? {} : { cron: file.cron.map(cronOf) })
})

const cronOf = (entry: NonNullable<ConfigFile["cron"]>[number]): CronSettings => ({
  name: entry.name,
  when: whenOf(entry.schedule, entry.timezone),
  queue: entry.queue ?? defaultQueue,
  kind: entry.kind,
  ...present({
    payload: payloadText(entry.payload),
    missed: entry.missed === "all" ? { all: entry.missed_max ?? maxMissed } : entry.missed,
    overlap: entry.overlap
  })
})
