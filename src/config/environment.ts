/** How the text of a variable becomes a value. */
export type Reading = "text" | "number" | "boolean" | "list"

/** A key of the file, and the variable that takes its place. `*` stands for a name: of a queue, or of a cron entry. */
export interface KeyVariable {
  readonly path: ReadonlyArray<string>
  readonly as: Reading
}

const section = (name: string, as: Reading, ...keys: ReadonlyArray<string>): ReadonlyArray<KeyVariable> =>
  keys.map((key) => ({ path: [...name.split("."), key], as }))

/** Every key of the file. */
export const keyVariables: ReadonlyArray<KeyVariable> = [
  ...section("redis", "text", "addr", "url", "username", "password", "prefix", "timeout"),
  ...section("redis", "text", "tls_ca", "tls_cert", "tls_key", "sentinel_name"),
  ...section("redis", "number", "db"),
  ...section("redis", "boolean", "tls"),
  ...section("redis", "list", "cluster", "sentinels"),
  ...section("server", "text", "grpc_host", "grpc_port", "http_host", "http_port"),
  ...section("server", "text", "log_level", "max_deadline", "drain", "lease"),
  ...section("server", "text", "tls_cert", "tls_key", "tls_client_ca"),
  ...section("server", "list", "tokens"),
  ...section("server", "number", "max_message_bytes"),
  ...section("queues.*", "number", "weight", "shards", "concurrency", "max_active", "max_retries", "priority_default"),
  ...section("queues.*", "text", "backoff", "backoff_base"),
  ...section("workers", "number", "concurrency"),
  ...section("workers", "text", "heartbeat_interval", "stale_threshold", "recovery_interval", "drain", "order"),
  ...section("scheduler", "text", "poll_interval"),
  ...section("retention", "text", "dead"),
  ...section("retention", "number", "max_dead", "max_finished"),
  ...section("cron.*", "text", "schedule", "queue", "kind", "payload", "timezone", "missed", "overlap"),
  ...section("cron.*", "number", "missed_max")
]

/** Names that the Go system reads. */
const goNames: Readonly<Record<string, string>> = { REDIS_ADDR: "redis.addr", GRPC_PORT: "server.grpc_port" }

const upper = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")

/** The variable of a key: `redis.addr` is `WINTER_REDIS_ADDR`, `max_retries` of queue `mail-bulk` `WINTER_QUEUES_MAIL_BULK_MAX_RETRIES`. */
export const variableOf = (path: ReadonlyArray<string>): string => `WINTER_${path.map(upper).join("_")}`

const read = (value: string, as: Reading): unknown => {
  switch (as) {
    case "text":
      return value
    case "number":
      // what is no number stays a text, which the schema refuses
      return value.trim() === "" || Number.isNaN(Number(value)) ? value : Number(value)
    case "boolean":
      return { true: true, "1": true, yes: true, false: false, "0": false, no: false }[value.toLowerCase()] ?? value
    case "list":
      return value
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "")
  }
}

/** Reads variables of the environment; nothing when one is not set. */
export type Lookup = (name: string) => string | undefined

/** A value that comes from a variable. */
export interface Override {
  readonly path: ReadonlyArray<string | number>
  readonly value: unknown
  readonly variable: string
}

/** What the file names. */
export type Names = { readonly queues: ReadonlyArray<string>; readonly cron: ReadonlyArray<string> }

const instances = (
  path: ReadonlyArray<string>,
  names: Names
): ReadonlyArray<readonly [string, ReadonlyArray<string | number>]> => {
  const [head, star, ...rest] = path
  if (star !== "*") return [[variableOf(path), path]]
  return names[head as keyof Names].map((name, i) => [
    variableOf([head!, name, ...rest]),
    [head!, head === "cron" ? i : name, ...rest]
  ])
}

/** The variables that can set something, given what the file names. */
export const variablesFor = (names: Names): ReadonlyArray<string> => [
  ...keyVariables.flatMap(({ path }) => instances(path, names).map(([variable]) => variable)),
  ...Object.keys(goNames)
]

/** The values that the environment sets, for the queues and cron entries that the file names. An empty variable counts as not set. */
export const overridesOf = (lookup: Lookup, names: Names): ReadonlyArray<Override> => {
  const found = keyVariables.flatMap(({ as, path }) =>
    instances(path, names).flatMap(([variable, at]): ReadonlyArray<Override> => {
      const value = lookup(variable)
      return value === undefined || value === "" ? [] : [{ path: at, value: read(value, as), variable }]
    })
  )
  const go = Object.entries(goNames).flatMap(([variable, dotted]): ReadonlyArray<Override> => {
    const value = lookup(variable)
    const path = dotted.split(".")
    const isSet = found.some((override) => override.path.join(".") === dotted)
    return value === undefined || value === "" || isSet ? [] : [{ path, value, variable }]
  })
  return [...found, ...go]
}
