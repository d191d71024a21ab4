import type { Cluster, Redis as IORedis } from "ioredis"
import { bounded, reconnect, revive } from "./revive.ts"

/** A connection for subscriptions. */
export interface Subscriber {
  readonly on: (event: "message" | "error", listener: (...args: Array<any>) => void) => unknown
  readonly subscribe: (channel: string) => Promise<unknown>
  readonly unsubscribe: (channel: string) => Promise<unknown>
  readonly ping: () => Promise<unknown>
  /** Closes it, or replaces a connection that is not trusted any more. */
  readonly disconnect: (reconnects?: boolean) => void
}

/**
 * Makes a client one for subscriptions. The driver subscribes again after a reconnect, and keeps calls until then; here
 * they are given up after a while.
 */
export const subscriberOf = (client: IORedis | Cluster, timeoutMillis: number): Subscriber => {
  let closed = false
  revive(client, () => closed)
  return {
    on: (event, listener) => client.on(event, listener),
    subscribe: (channel) => bounded(timeoutMillis, client.subscribe(channel)),
    unsubscribe: (channel) => bounded(timeoutMillis, client.unsubscribe(channel)),
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
