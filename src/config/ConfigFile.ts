import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import {
  checkKind,
  checkMaxAttempts,
  checkPriority,
  checkQueue,
  type InvalidInput,
  maxLeaseMillis,
  minLeaseMillis
} from "../domain/limits.ts"
import { redisUrlProblem } from "../domain/redis-url.ts"
import { checkScheduleName, maxMissed } from "../domain/Schedule.ts"
import { checkAnyQueue, maxShards } from "../domain/Sharded.ts"
import { timezoneProblem, timingProblem } from "./cron-timing.ts"
import { parseDuration } from "./duration.ts"

const problemOf = (result: Result.Result<unknown, string | InvalidInput>): string | undefined =>
  Result.isSuccess(result) ? undefined : typeof result.failure === "string" ? result.failure : result.failure.problem

const text = Schema.String.annotate({ message: "must be text; put numbers and the like in quotes" })

const filled = text.check(Schema.makeFilter((value) => (value === "" ? "must not be empty" : undefined)))

const flag = Schema.Boolean.annotate({ message: "must be true or false" })

const number = Schema.Number.annotate({ message: "must be a number" })

const integer = number.check(Schema.isInt({ message: "must be a whole number" }))

const whole = (from: number, to: number) =>
  integer.check(Schema.isBetween({ minimum: from, maximum: to }, { message: `must be from ${from} to ${to}` }))

const duration = (leastMillis = 1) =>
  text
    .annotate({ message: "must be a duration with a unit, such as 500ms or 1m30s" })
    .check(Schema.makeFilter((value) => problemOf(parseDuration(value, leastMillis))))

const oneOf = <const Words extends ReadonlyArray<string>>(words: Words) =>
  Schema.Literals(words).annotate({ message: `must be one of ${words.join(", ")}` })

const list = text.pipe((item) => Schema.Array(item).annotate({ message: "must be a list" }))

const hostPort = /^(\[[0-9a-fA-F:]+\]|[^\s:/@]+)(:\d{1,5})?$/

/** `host`, `host:port`, or a URL of redis. */
export const addressProblem = (address: string): string | undefined => {
  if (/^rediss?:\/\//.test(address)) return redisUrlProblem(address)
  if (hostPort.test(address)) return undefined
  // what has a user or a scheme may have a password
  const shown = /[@/]/.test(address) ? "" : `, not ${JSON.stringify(address)}`
  return `must be host:port or a redis:// URL${shown}`
}

const address = filled.check(Schema.makeFilter(addressProblem))

const url = filled.check(Schema.makeFilter(redisUrlProblem))

const prefix = text.check(
  Schema.makeFilter((value) =>
    /^[A-Za-z0-9._-]{1,64}$/.test(value) ? undefined : "must be 1 to 64 of A-Z a-z 0-9 . _ -"
  )
)

/** The Go system writes it as a text. */
const port = Schema.Union([Schema.Int, Schema.String])
  .annotate({ message: "must be a port" })
  .check(
    Schema.makeFilter((value) =>
      /^\d{1,5}$/.test(String(value)) && Number(value) <= 65_535 ? undefined : "must be a port from 0 to 65535"
    )
  )

const optional = <Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.Struct(fields).annotate({ message: "must be a section of keys" })

const key = Schema.optionalKey

const Redis = optional({
  addr: key(address),
  url: key(url),
  username: key(text),
  password: key(text),
  db: key(whole(0, 1_000_000)),
  prefix: key(prefix),
  timeout: key(duration(100)),
  tls: key(flag),
  tls_ca: key(filled),
  tls_cert: key(filled),
  tls_key: key(filled),
  cluster: key(Schema.Array(address).annotate({ message: "must be a list of host:port" })),
  sentinels: key(Schema.Array(address).annotate({ message: "must be a list of host:port" })),
  sentinel_name: key(filled)
})

const lease = duration(minLeaseMillis).check(
  Schema.makeFilter((value) =>
    Result.getOrElse(parseDuration(value), () => 0) > maxLeaseMillis ? "must be a day at most" : undefined
  )
)

const Server = optional({
  grpc_host: key(filled),
  grpc_port: key(port),
  http_host: key(filled),
  http_port: key(port),
  log_level: key(oneOf(["trace", "debug", "info", "warn", "error", "none"])),
  tls_cert: key(filled),
  tls_key: key(filled),
  tls_client_ca: key(filled),
  tokens: key(list),
  max_message_bytes: key(whole(1024, 1024 * 1024 * 1024)),
  max_deadline: key(duration()),
  drain: key(duration(0)),
  lease: key(lease)
})

const Queue = optional({
  weight: key(
    number.check(Schema.isBetween({ minimum: 0.001, maximum: 1_000_000 }, { message: "must be from 0.001 to 1000000" }))
  ),
  shards: key(whole(1, maxShards)),
  concurrency: key(whole(1, 1_000_000)),
  max_active: key(whole(0, 1_000_000_000)),
  max_retries: key(integer.check(Schema.makeFilter((value) => problemOf(checkMaxAttempts(value))))),
  backoff: key(oneOf(["exponential", "linear", "fixed"])),
  backoff_base: key(duration()),
  priority_default: key(integer.check(Schema.makeFilter((value) => problemOf(checkPriority(value)))))
})

const Workers = optional({
  concurrency: key(whole(1, 1_000_000)),
  heartbeat_interval: key(duration(10)),
  stale_threshold: key(lease),
  recovery_interval: key(duration()),
  drain: key(duration(0)),
  order: key(oneOf(["weighted", "strict"]))
})

const Scheduler = optional({ poll_interval: key(duration()) })

const Retention = optional({
  dead: key(duration(0)),
  max_dead: key(whole(0, 1_000_000_000)),
  max_finished: key(whole(0, 1_000_000_000))
})

const CronEntry = optional({
  name: filled.check(Schema.makeFilter((value) => problemOf(checkScheduleName(value)))),
  schedule: filled,
  queue: key(text.check(Schema.makeFilter((value) => problemOf(checkQueue(value))))),
  kind: text.check(Schema.makeFilter((value) => problemOf(checkKind(value)))),
  payload: key(Schema.Unknown),
  timezone: key(text.check(Schema.makeFilter(timezoneProblem))),
  missed: key(oneOf(["skip", "latest", "all"])),
  missed_max: key(whole(1, maxMissed)),
  overlap: key(oneOf(["allow", "skip"]))
})

/** The configuration file as it is written; docs/guides/config.md explains every key. */
export const ConfigFile = optional({
  redis: key(Redis),
  server: key(Server),
  queues: key(Schema.Record(Schema.String, Queue).annotate({ message: "must be a section of queues" })),
  workers: key(Workers),
  scheduler: key(Scheduler),
  retention: key(Retention),
  cron: key(Schema.Array(CronEntry).annotate({ message: "must be a list of entries" }))
})
export type ConfigFile = typeof ConfigFile.Type

/** A problem of a value that more than its own schema decides. */
export interface Conflict {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
}

type Loose = { readonly [name: string]: unknown }

const entriesOf = (value: unknown): ReadonlyArray<readonly [string, unknown]> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : []

const isText = (value: unknown): value is string => typeof value === "string"

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Loose)[name] : undefined

const millisOf = (value: unknown): number | undefined =>
  isText(value) ? Result.getOrElse(parseDuration(value), () => undefined) : undefined

const cronConflicts = (cron: unknown): ReadonlyArray<Conflict> => {
  if (!Array.isArray(cron)) return []
  const names = cron.map((entry: unknown) => fieldOf(entry, "name"))
  return cron.flatMap((entry: unknown, i): ReadonlyArray<Conflict> => {
    const [name, schedule, payload, zone] = ["name", "schedule", "payload", "timezone"].map((of) => fieldOf(entry, of))
    const timezone = isText(zone) && timezoneProblem(zone) === undefined ? zone : undefined
    const scheduleProblem = isText(schedule) ? timingProblem(schedule, timezone, isText(name) ? name : "") : undefined
    const isJson = !isText(payload) || Result.isSuccess(Result.try(() => JSON.parse(payload) as unknown))
    return [
      ...(isText(name) && names.indexOf(name) < i
        ? [{ path: ["cron", i, "name"], message: `must be its own: ${JSON.stringify(name)} is there already` }]
        : []),
      ...(scheduleProblem === undefined ? [] : [{ path: ["cron", i, "schedule"], message: scheduleProblem }]),
      ...(fieldOf(entry, "missed_max") !== undefined && fieldOf(entry, "missed") !== "all"
        ? [{ path: ["cron", i, "missed_max"], message: "makes sense only when missed is all" }]
        : []),
      ...(isJson ? [] : [{ path: ["cron", i, "payload"], message: "must be JSON when it is a text" }])
    ]
  })
}

const together = (value: Loose, section: string, names: ReadonlyArray<string>): ReadonlyArray<Conflict> => {
  const set = names.filter((name) => fieldOf(value[section], name) !== undefined)
  const missing = names.filter((name) => !set.includes(name))
  if (set.length === 0 || missing.length === 0) return []
  return [{ path: [section, set[0]!], message: `needs ${missing.join(" and ")} as well` }]
}

/** What no single value shows: names that collide, values that exclude or need each other. */
export const conflictsOf = (value: Loose): ReadonlyArray<Conflict> => {
  const heartbeat = millisOf(fieldOf(value["workers"], "heartbeat_interval"))
  const stale = millisOf(fieldOf(value["workers"], "stale_threshold")) ?? 30_000
  const strict = fieldOf(value["workers"], "order") === "strict"
  return [
    ...entriesOf(value["queues"]).flatMap(([name, queue]): ReadonlyArray<Conflict> => {
      const shards = Number(fieldOf(queue, "shards"))
      // one that is no such number is told by itself
      const isSharded = Number.isInteger(shards) && shards >= 1 && shards <= maxShards
      const problem = problemOf(checkAnyQueue(isSharded ? { name, shards } : name))
      return [
        ...(problem === undefined ? [] : [{ path: ["queues", name], message: `the name ${problem}` }]),
        ...(strict && fieldOf(queue, "weight") !== undefined
          ? [{ path: ["queues", name, "weight"], message: "must be left out when workers.order is strict" }]
          : []),
        ...(fieldOf(queue, "backoff_base") === undefined &&
        ["linear", "fixed"].includes(String(fieldOf(queue, "backoff")))
          ? [{ path: ["queues", name, "backoff"], message: "needs backoff_base as well" }]
          : [])
      ]
    }),
    ...(heartbeat !== undefined && heartbeat * 2 > stale
      ? [
          {
            path: ["workers", "heartbeat_interval"],
            message: `must be half of stale_threshold (${stale}ms) at most, or one lost heartbeat would lose jobs`
          }
        ]
      : []),
    ...together(value, "server", ["tls_cert", "tls_key"]),
    ...together(value, "redis", ["tls_cert", "tls_key"]),
    ...together(value, "redis", ["sentinels", "sentinel_name"]),
    ...(fieldOf(value["server"], "tls_client_ca") !== undefined && fieldOf(value["server"], "tls_cert") === undefined
      ? [{ path: ["server", "tls_client_ca"], message: "needs tls_cert and tls_key as well" }]
      : []),
    ...cronConflicts(value["cron"])
  ]
}
