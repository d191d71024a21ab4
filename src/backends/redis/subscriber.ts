import type { Cluster, Redis as IORedis } from "ioredis"
import { bounded, reconnect, revive } from "./revive.ts"

/** A connection for subscriptions. The driver subscribes again after a reconnect; calls are bounded by the timeout. */
export interface Subscriber {
  readonly on: (event: "message" | "error", listener: (...args: Array<any>) => void) => unknown
  readonly subscribe: (channel: string) => Promise<unknown>
  readonly unsubscribe: (channel: string) => Promise<unknown>
  readonly ping: () => Promise<unknown>
  /** Closes it, or replaces a connection that is not trusted any more. */
  readonly disconnect: (reconnects?: boolean) => void
}

const callsOf = (client: IORedis | Cluster, timeoutMillis: number) =>
  ({
    on: (event, listener) => client.on(event, listener),
    subscribe: (channel) => bounded(timeoutMillis, client.subscribe(channel)),
    unsubscribe: (channel) => {
      const answer = bounded(timeoutMillis, client.unsubscribe(channel))
      if (client.status === "ready") return answer
      // it is sent once there is a connection, which nobody has to wait for
      answer.catch(() => undefined)
      return Promise.resolve()
    }
  }) satisfies Partial<Subscriber>

export const subscriberOf = (client: IORedis, timeoutMillis: number): Subscriber => {
  let closed = false
  revive(client, () => closed)
  return {
    ...callsOf(client, timeoutMillis),
    ping: () => bounded(timeoutMillis, client.ping()),
    disconnect: (reconnects = false) => {
      if (reconnects) reconnect(client)
      else {
        closed = true
        client.disconnect()
      }
    }
  }
}

/** A cluster client has a connection for subscriptions anyhow, watches over it, and closes it with the others. */
export const clusterSubscriberOf = (cluster: Cluster, timeoutMillis: number): Subscriber => ({
  ...callsOf(cluster, timeoutMillis),
  ping: () => Promise.resolve(),
  disconnect: () => undefined
})
