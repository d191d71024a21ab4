import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { Cluster, type ClusterNode, type ClusterOptions, Redis as IORedis, type RedisOptions } from "ioredis"
import { checkServer } from "./check-server.ts"
import { clusterEarOf, type Ear, earOf } from "./ears.ts"
import { Gate } from "./Gate.ts"
import { Outages } from "./Outages.ts"
import { RedisUnsuitable } from "./RedisUnsuitable.ts"
import type { Script } from "./scripts/Script.ts"
import { isReply, messageOf } from "./store-error.ts"

/** What of ioredis a caller may set: everything that calls, reconnects and checks here do not depend on. */
export type DriverOptions = Omit<
  RedisOptions,
  | "autoResendUnfulfilledCommands"
  | "commandTimeout"
  | "enableOfflineQueue"
  | "enableReadyCheck"
  | "keyPrefix"
  | "lazyConnect"
  | "maxRetriesPerRequest"
  | "monitor"
  | "readOnly"
  | "replyMapping"
  | "socketTimeout"
  | "stringNumbers"
>

/** How to reach Redis. */
export interface ConnectionOptions {
  readonly url: string
  readonly cluster?: { readonly nodes: ReadonlyArray<ClusterNode>; readonly options?: ClusterOptions }
  readonly prefix: string
  readonly timeoutMillis: number
  readonly redis: DriverOptions
}

/** The commands outside of scripts, and more connections. */
export interface Commands {
  readonly hget: (key: string, field: string) => Promise<string | null>
  readonly sadd: (key: string, ...members: ReadonlyArray<string>) => Promise<number>
  readonly smembers: (key: string) => Promise<ReadonlyArray<string>>
  readonly zadd: (key: string, score: number, member: string) => Promise<unknown>
  /** A connection for subscriptions, which it makes again after a reconnect; its calls are bounded by the timeout. */
  readonly duplicate: () => Subscriber
}

export type Subscriber = Pick<IORedis, "disconnect" | "on" | "ping" | "subscribe" | "unsubscribe">

/**
 * One connection for commands, and the means to open others that block. Every call is bounded by the timeout,
 * reconnecting included, and none is sent to a server that is not suitable.
 */
export interface Connection {
  readonly client: Commands
  readonly prefix: string
  /** Runs a script, loading it when the server does not know it (yet, or after SCRIPT FLUSH). */
  readonly run: (script: Script, keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) => Promise<unknown>
  /** Ears that hear the markers of these keys between them, closed with the scope. */
  readonly openEars: (wakeKeys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Ear>, never, Scope.Scope>
  readonly outages: Outages
  /** Calls back when a server was found suitable, before calls go on: it may not hold what the one before held. */
  readonly onReturn: (callback: () => void) => void
}

/** How long one blocking command waits at the server: long enough to be rare, and part of how a dead socket is noticed. */
export const blockMillis = 5000

/** Between checks of a server that is unsuitable; a replica is left, in the hope of meeting a master. */
const recheckMillis = 1000

/** Between checks of a server that cannot tell yet. */
const loadingMillis = 200

/** Every connection attempt is given this long at most, so that a host that swallows packets costs little. */
const connectMillis = 2000

/** The pause before reconnecting: doubling from 50 ms up to this. */
const reconnectMillis = 500

const driverOptions = (options: ConnectionOptions, random: () => number) => {
  const connectTimeout = Math.min(options.timeoutMillis, connectMillis)
  return {
    connectionName: "winterq",
    // the older protocol needs no greeting, so that even a server too old for us can say so
    protocol: 2,
    connectTimeout,
    disconnectTimeout: 1000,
    sentinelCommandTimeout: connectTimeout,
    retryStrategy: (times) => Math.min(50 * 2 ** (times - 1), reconnectMillis) * (0.8 + 0.4 * random()),
    ...options.redis,
    lazyConnect: true,
    // the check of the server asks the same, and more
    enableReadyCheck: false,
    // calls wait in the Gate, where those that gave up leave; the driver fails them as soon as the connection breaks
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    replyMapping: "legacy",
    // a call without an answer for this long has failed, and its connection is not trusted any more
    socketTimeout: options.timeoutMillis
  } satisfies RedisOptions
}

const clusterOptions = (base: ReturnType<typeof driverOptions>, given: ClusterOptions = {}) => {
  const { retryStrategy, ...nodeOptions } = base
  return {
    clusterRetryStrategy: retryStrategy ?? null,
    slotsRefreshTimeout: base.connectTimeout,
    ...given,
    lazyConnect: true,
    scaleReads: "master",
    // the Gate sends again, as long as somebody waits for the answer
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    redisOptions: { ...nodeOptions, ...given.redisOptions, replyMapping: "legacy" as const }
  } satisfies ClusterOptions
}

/** Watches the server behind a client: opens the gate while it is suitable, and says what happens to it. */
const watch = (
  client: IORedis | Cluster,
  gate: Gate,
  outages: Outages,
  options: ConnectionOptions,
  log: (line: Effect.Effect<void>) => void
) => {
  const server = client instanceof Cluster ? "redis cluster" : "redis"
  const returns: Array<() => void> = []
  let round = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let verdict: RedisUnsuitable | undefined
  let refusedGreeting: unknown
  let lastError: unknown
  let started = false
  let closed = false
  let settleFirst: ((verdict: RedisUnsuitable | undefined) => void) | undefined
  const first = new Promise<RedisUnsuitable | undefined>((resolve) => {
    settleFirst = resolve
  })

  const after = (millis: number, step: () => void): void => {
    clearTimeout(timer)
    timer = setTimeout(step, millis)
  }

  const judge = (found: RedisUnsuitable | undefined): void => {
    const before = verdict
    verdict = found
    settleFirst?.(found)
    outages.back(client)
    if (found === undefined) {
      if (before !== undefined && started) log(Effect.logInfo(`${server}: it can be used again`))
      for (const callback of returns) callback()
      gate.open()
      return
    }
    if (started && before?.message !== found.message) {
      log(Effect.logError(`${server}: ${found.message}; calls fail until it can`))
    }
    gate.refuse(found)
    if (found.reason === "read-only" && !(client instanceof Cluster))
      after(recheckMillis, () => client.disconnect(true))
    else after(recheckMillis, look)
  }

  const look = (): void => {
    clearTimeout(timer)
    const mine = ++round
    const isStale = (): boolean => closed || mine !== round
    if (refusedGreeting !== undefined) {
      // such as a database that is not there: the driver would go on in another one
      judge(new RedisUnsuitable({ reason: "refused", detail: messageOf(refusedGreeting) }))
      return
    }
    const masters = client instanceof Cluster ? client.nodes("master") : [client]
    checkServer({ masters, keys: client, prefix: options.prefix, isCluster: client instanceof Cluster }).then(
      (found) => {
        if (!isStale()) judge(found)
      },
      (error: unknown) => {
        if (isStale()) return
        lastError = error
        gate.lastError = error
        if (client.status === "ready") after(loadingMillis, look)
      }
    )
  }

  client.on("connect", () => {
    refusedGreeting = undefined
  })
  client.on("error", (error: unknown) => {
    lastError = error
    gate.lastError = error
    if (isReply(error) && client.status === "connect") refusedGreeting = error
    if (started && verdict === undefined) outages.lost(server, client, error)
  })
  client.on("ready", look)
  client.on("close", () => {
    round++
    clearTimeout(timer)
    if (closed) return
    gate.shut()
    if (started && verdict === undefined) outages.lost(server, client, gate.lastError ?? "it was closed")
  })
  if (client instanceof Cluster) {
    const nodes = new Map<string, object>()
    client.on("node error", (error: unknown, address: string) => {
      gate.lastError ??= error
      const part = nodes.get(address) ?? {}
      nodes.set(address, part)
      if (started && client.status === "ready") outages.lost(`redis node ${address}`, part, error)
    })
    client.on("+node", (node: IORedis) => {
      node.on("ready", () => {
        outages.back(nodes.get(`${node.options.host}:${node.options.port}`) ?? node)
        // a new master is checked like the first ones, while calls go on
        if (started && client.status === "ready" && verdict === undefined) look()
      })
    })
  }

  return {
    /** Resolves once the server was found suitable. */
    start: () =>
      client.connect().then(
        () => first,
        (cause: unknown) => {
          const why = lastError ?? cause
          return new RedisUnsuitable({ reason: isReply(why) ? "refused" : "unreachable", detail: messageOf(why) })
        }
      ),
    lastError: () => lastError,
    started: (): void => {
      started = true
    },
    onReturn: (callback: () => void): void => {
      returns.push(callback)
    },
    close: (): void => {
      closed = true
      clearTimeout(timer)
      outages.close()
      gate.refuse(new Error("the connection is closed"))
    }
  }
}

const unreachable = (detail: string) => new RedisUnsuitable({ reason: "unreachable", detail })

/** Opens and checks a connection; it is closed with the scope, after what was sent has been answered. */
export const open = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const services = yield* Effect.context<never>()
  const log = (line: Effect.Effect<void>) => void Effect.runForkWith(services)(line)
  const base = driverOptions(options, () => Context.get(services, Random.Random).nextDoubleUnsafe())
  const { cluster } = options
  const client =
    cluster === undefined
      ? new IORedis(options.url, base)
      : new Cluster([...cluster.nodes], clusterOptions(base, cluster.options))
  const gate = new Gate(options.timeoutMillis, () => {
    if (client instanceof Cluster) client.refreshSlotsCache()
    else client.disconnect(true)
  })
  const outages = new Outages(log)
  const watcher = watch(client, gate, outages, options, log)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => watcher.close()).pipe(
      Effect.andThen(Effect.promise(() => client.quit())),
      Effect.timeoutOption("1 second"),
      Effect.ignoreCause,
      Effect.andThen(Effect.sync(() => client.disconnect()))
    )
  )
  const verdict = yield* Effect.promise(() => watcher.start()).pipe(
    Effect.timeoutOrElse({
      duration: options.timeoutMillis,
      orElse: () => {
        const cause = watcher.lastError()
        const why = cause === undefined ? "" : `: ${messageOf(cause)}`
        return Effect.succeed(unreachable(`no answer within ${options.timeoutMillis} ms${why}`))
      }
    })
  )
  if (verdict !== undefined) return yield* Effect.fail(verdict)
  watcher.started()

  const run: Connection["run"] = (script, keys, args) => {
    const rest = [keys.length, ...keys, ...args]
    return gate.call(() =>
      client.call("EVALSHA", [script.sha1, ...rest]).catch((error: unknown) => {
        if (!messageOf(error).startsWith("NOSCRIPT")) throw error
        return client.call("EVAL", [script.source, ...rest])
      })
    )
  }

  const blocking = { ...base, enableOfflineQueue: true, socketTimeout: blockMillis + options.timeoutMillis }
  const earsOf = (wakeKeys: ReadonlyArray<string>): ReadonlyArray<Ear> =>
    client instanceof Cluster
      ? wakeKeys.map((key) => clusterEarOf(client, { socketTimeout: blocking.socketTimeout }, key))
      : [earOf("redis", () => new IORedis(options.url, blocking), wakeKeys)]

  // subscriptions wait in the driver, which makes them again
  const subscribing = { ...base, enableOfflineQueue: true, maxRetriesPerRequest: null }
  const duplicate = (): Subscriber =>
    client instanceof Cluster
      ? (client.duplicate() as unknown as Subscriber)
      : new IORedis(options.url, { ...subscribing, commandTimeout: options.timeoutMillis })

  return {
    client: {
      duplicate,
      hget: (key, field) => gate.call(() => client.hget(key, field)),
      sadd: (key, ...members) => gate.call(() => client.sadd(key, ...members)),
      smembers: (key) => gate.call(() => client.smembers(key)),
      zadd: (key, score, member) => gate.call(() => client.zadd(key, score, member))
    },
    prefix: options.prefix,
    run,
    openEars: (wakeKeys) =>
      Effect.acquireRelease(
        Effect.sync(() => earsOf(wakeKeys)),
        (ears) =>
          Effect.sync(() => {
            for (const ear of ears) ear.close()
          })
      ),
    outages,
    onReturn: watcher.onReturn
  } satisfies Connection
})
