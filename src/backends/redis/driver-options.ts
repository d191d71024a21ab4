import type { ClusterNode, ClusterOptions, RedisOptions } from "ioredis"

/** What of ioredis a caller may set: everything that calls, reconnects and checks here do not depend on. */
export type DriverOptions = Omit<
  RedisOptions,
  | "autoResendUnfulfilledCommands"
  | "autoResubscribe"
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

/** How long one blocking command waits at the server: long enough to be rare, and part of how a dead socket is noticed. */
export const blockMillis = 5000

/** Every connection attempt is given this long at most, so that a host that swallows packets costs little. */
const connectMillis = 2000

/** The pause before reconnecting: doubling from 50 ms up to this. */
const reconnectMillis = 500

/** What the driver is told, as far as its own types can be named. */
type OneServer = RedisOptions & { readonly replyMapping: "legacy" }

/** The driver's options for one server. */
export const driverOptions = (options: ConnectionOptions, random: () => number): OneServer => {
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
    replyMapping: "legacy"
  } satisfies RedisOptions
}

type ManyServers = ClusterOptions & { readonly redisOptions: { readonly replyMapping: "legacy" } }

/** The same for a cluster. */
export const clusterOptions = (base: OneServer, given: ClusterOptions = {}): ManyServers => {
  const { retryStrategy, ...nodeOptions } = base
  return {
    clusterRetryStrategy: retryStrategy ?? null,
    slotsRefreshTimeout: base.connectTimeout,
    ...given,
    lazyConnect: true,
    scaleReads: "master",
    // the Gate sends again, as long as somebody waits for the answer; the driver only goes where it is sent to
    maxRedirections: 1,
    retryDelayOnTryAgain: 0,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    redisOptions: { ...nodeOptions, ...given.redisOptions, replyMapping: "legacy" as const }
  } satisfies ClusterOptions
}
