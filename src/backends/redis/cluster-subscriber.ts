import type { Cluster, Redis as IORedis, RedisOptions } from "ioredis"
import { bounded } from "./revive.ts"
import { isReply } from "./store-error.ts"
import type { Subscriber } from "./subscriber.ts"

/** Between attempts at one node and at the next. */
const retryMillis = 100

const addressOf = ({ options }: IORedis): string => `${options.host}:${options.port}`

/**
 * A subscribing connection to one master of a cluster, which hears what is published at any node. When it breaks, or its
 * node leaves, another node takes its place and gets the same subscriptions. The one that a cluster client has by itself
 * could not be asked whether it is still there.
 */
export const clusterSubscriberOf = (
  cluster: Cluster,
  options: Pick<RedisOptions, "connectionName">,
  timeoutMillis: number,
  random: () => number
): Subscriber => {
  const channels = new Set<string>()
  const again: Array<() => void> = []
  const listeners: Array<(channel: string, message: string) => void> = []
  let client: IORedis | undefined
  let last: string | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let closed = false

  const connect = (): IORedis => {
    const masters = cluster.nodes("master")
    // not the one that has just failed, while there is another
    const others = masters.filter((node) => addressOf(node) !== last)
    const choice = others.length > 0 ? others : masters
    const node = choice[Math.floor(random() * choice.length)]
    if (node === undefined) throw new Error("no node of the cluster is known")
    last = addressOf(node)
    const opened = node.duplicate({
      connectionName: options.connectionName,
      autoResubscribe: false,
      enableOfflineQueue: true,
      maxRetriesPerRequest: null,
      readOnly: false,
      retryStrategy: null
    })
    opened.on("error", () => undefined)
    opened.on("message", (channel: string, message: string) => {
      for (const listener of listeners) listener(channel, message)
    })
    opened.once("end", () => replace(opened))
    return opened
  }

  const current = (): Promise<IORedis> => Promise.resolve().then(() => (client ??= connect()))

  /** Leaves a connection, and subscribes elsewhere to all that is wanted. */
  const replace = (left: IORedis): void => {
    if (left !== client) return
    client = undefined
    left.disconnect()
    renew()
  }

  const renew = (): void => {
    clearTimeout(retry)
    if (closed || channels.size === 0) return
    retry = setTimeout(() => {
      current()
        .then((opened) => bounded(timeoutMillis, opened.subscribe(...channels)))
        .then(
          () => {
            for (const tell of again) tell()
          },
          () => {
            if (client === undefined) renew()
            else replace(client)
          }
        )
    }, retryMillis)
  }

  cluster.on("-node", (node: IORedis) => {
    if (client !== undefined && addressOf(node) === addressOf(client)) replace(client)
  })

  /** Tries one node after the other, until the channel is heard or nobody wants it. */
  const subscribe = (channel: string): Promise<unknown> =>
    current()
      .then((opened) => opened.subscribe(channel))
      .catch((error: unknown) => {
        if (closed || !channels.has(channel) || isReply(error)) throw error
        return new Promise((resolve) => setTimeout(resolve, retryMillis)).then(() => subscribe(channel))
      })

  return {
    on: (event, listener) => {
      if (event === "message") listeners.push(listener)
    },
    onAgain: (callback) => {
      again.push(callback)
    },
    subscribe: (channel) => {
      channels.add(channel)
      return bounded(timeoutMillis, subscribe(channel)).catch((error: unknown) => {
        channels.delete(channel)
        throw error
      })
    },
    unsubscribe: (channel) => {
      channels.delete(channel)
      if (client?.status === "ready") return bounded(timeoutMillis, client.unsubscribe(channel))
      return Promise.resolve()
    },
    ping: () => (client === undefined ? Promise.resolve() : bounded(timeoutMillis, client.ping())),
    disconnect: (reconnects = false) => {
      if (reconnects) {
        if (client !== undefined) replace(client)
        return
      }
      closed = true
      clearTimeout(retry)
      client?.disconnect()
    }
  }
}
