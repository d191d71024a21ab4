import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Redis as IORedis, type RedisOptions } from "ioredis"
import { formatKey, formatVersion } from "./keys.ts"
import type { Script } from "./scripts/Script.ts"

/**
 * This Redis cannot be used, and why: `unreachable`; `too-old` (below 7.0); `evicting` (its `maxmemory-policy` may
 * delete jobs); `read-only` (a replica); `other-format` (its data was written by an incompatible version); `refused`
 * (a command needed for the check was not allowed). Nothing was written.
 *
 * @category errors
 * @since 0.1.0
 */
export class RedisUnsuitable extends Schema.TaggedError<RedisUnsuitable>()("RedisUnsuitable", {
  reason: Schema.Literals(["unreachable", "too-old", "evicting", "read-only", "other-format", "refused"]),
  detail: Schema.String
}) {
  override get message(): string {
    return `this Redis cannot be used (${this.reason}): ${this.detail}`
  }
}

/** How to reach Redis. */
export interface ConnectionOptions {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS. */
  readonly url: string
  /** Goes in front of every key; lets applications share a server. */
  readonly prefix: string
  /** How long a command may wait for its reply, reconnecting included. */
  readonly timeoutMillis: number
  /** Anything else ioredis takes: TLS, Sentinel, ACL user, ... */
  readonly redis: RedisOptions
}

/** One connection for commands, and the means to open others like it. */
export interface Connection {
  readonly client: IORedis
  readonly prefix: string
  /** Runs a script, loading it when the server does not know it (yet, or after SCRIPT FLUSH). */
  readonly run: (script: Script, keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) => Promise<unknown>
  /** A connection for blocking commands: no reply timeout, closed with the scope. */
  readonly openBlocking: Effect.Effect<IORedis, never, Scope.Scope>
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** ioredis reports through events; without a listener they end the process. One line per outage and per return. */
const watch = (client: IORedis, name: string): Effect.Effect<{ readonly lastError: () => unknown }> =>
  Effect.map(Effect.context<never>(), (services) => {
    const log = Effect.runForkWith(services)
    let down = false
    let last: unknown
    client.on("error", (error: unknown) => {
      last = error
      if (down) return
      down = true
      log(Effect.logWarning(`redis ${name} connection lost, reconnecting: ${messageOf(error)}`))
    })
    client.on("ready", () => {
      if (down) log(Effect.logInfo(`redis ${name} connection is back`))
      down = false
    })
    return { lastError: () => last }
  })

const field = (info: string, name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1]

const unsuitable = (reason: RedisUnsuitable["reason"], detail: string) =>
  Effect.fail(new RedisUnsuitable({ reason, detail }))

const checkServer = Effect.fnUntraced(function* (client: IORedis, prefix: string) {
  const ask = <A>(question: () => Promise<A>) =>
    Effect.tryPromise({
      try: question,
      catch: (cause) =>
        new RedisUnsuitable({
          reason: messageOf(cause).startsWith("READONLY") ? "read-only" : "refused",
          detail: messageOf(cause)
        })
    })
  const info = yield* ask(() => client.info())
  const version = field(info, "redis_version") ?? "unknown"
  if (Number.parseInt(version, 10) < 7) return yield* unsuitable("too-old", `it is version ${version}, 7.0 is needed`)
  if (field(info, "role") === "slave") return yield* unsuitable("read-only", "it is a replica")
  const policy = field(info, "maxmemory_policy")
  if (policy !== undefined && policy !== "noeviction") {
    return yield* unsuitable("evicting", `maxmemory-policy is ${policy}, which deletes jobs; set it to noeviction`)
  }
  const key = formatKey(prefix)
  yield* ask(() => client.set(key, formatVersion, "NX"))
  const format = yield* ask(() => client.get(key))
  if (format !== formatVersion) {
    return yield* unsuitable("other-format", `its data has format ${format}, this version reads ${formatVersion}`)
  }
})

const release = (client: IORedis) =>
  Effect.promise(() => client.quit()).pipe(
    Effect.timeoutOption("1 second"),
    Effect.ignoreCause,
    Effect.andThen(Effect.sync(() => client.disconnect()))
  )

/** Opens and checks a connection; it is closed with the scope, after what was sent has been answered. */
export const open = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const base = {
    connectionName: "winterq",
    // the older protocol needs no greeting, so that even a server too old for us can say so
    protocol: 2,
    ...options.redis,
    lazyConnect: true,
    // the reply timeout bounds the wait; giving up earlier would fail calls that a reconnect could still answer
    maxRetriesPerRequest: null,
    replyMapping: "legacy" as const
  } satisfies RedisOptions
  const client = yield* Effect.acquireRelease(
    Effect.sync(() => new IORedis(options.url, { ...base, commandTimeout: options.timeoutMillis })),
    release
  )
  const { lastError } = yield* watch(client, "command")
  yield* Effect.tryPromise({
    try: () => client.connect(),
    // what the promise is rejected with only says that the connection is closed, not why
    catch: (cause) => new RedisUnsuitable({ reason: "unreachable", detail: messageOf(lastError() ?? cause) })
  }).pipe(
    Effect.timeoutOrElse({
      duration: options.timeoutMillis,
      orElse: () => unsuitable("unreachable", `no answer within ${options.timeoutMillis} ms`)
    })
  )
  yield* checkServer(client, options.prefix)

  const run: Connection["run"] = (script, keys, args) => {
    const rest = [keys.length, ...keys, ...args]
    return client.call("EVALSHA", [script.sha1, ...rest]).catch((error: unknown) => {
      if (!messageOf(error).startsWith("NOSCRIPT")) throw error
      return client.call("EVAL", [script.source, ...rest])
    })
  }

  const openBlocking = Effect.gen(function* () {
    const blocking = yield* Effect.acquireRelease(
      // a blocking command that gets no answer for this long hangs on a dead socket
      Effect.sync(() => new IORedis(options.url, { ...base, socketTimeout: 15_000 })),
      (opened) => Effect.sync(() => opened.disconnect())
    )
    yield* watch(blocking, "blocking")
    return blocking
  })

  return { client, prefix: options.prefix, run, openBlocking } satisfies Connection
})
