import type { Redis as IORedis } from "ioredis"
import { bounded, reconnect, revive } from "./revive.ts"
import { endSilent } from "./silence.ts"

/** A connection for subscriptions. It subscribes again after a reconnect; calls are bounded by the timeout. */
export interface Subscriber {
  readonly on: (event: "message" | "error", listener: (...args: Array<any>) => void) => unknown
  /** Calls back when it hears its channels again, after a time in which what was sent was lost. */
  readonly onAgain: (callback: () => void) => void
  readonly subscribe: (channel: string) => Promise<unknown>
  readonly unsubscribe: (channel: string) => Promise<unknown>
  readonly ping: () => Promise<unknown>
  /** Closes it, or replaces a connection that is not trusted any more. */
  readonly disconnect: (reconnects?: boolean) => void
}

const callsOf = (client: IORedis, timeoutMillis: number) =>
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

/** Between attempts to subscribe again, at a server that is busy or loading. */
const retryMillis = 200

/**
 * The driver must not subscribe again by itself (`autoResubscribe: false`): nobody could catch it when the server
 * refuses, being busy, and the process would end of it.
 */
export const subscriberOf = (client: IORedis, timeoutMillis: number): Subscriber => {
  let closed = false
  let retry: ReturnType<typeof setTimeout> | undefined
  const channels = new Set<string>()
  const again: Array<() => void> = []
  let lost = false
  const calls = callsOf(client, timeoutMillis)
  revive(client, () => closed)
  endSilent(client, timeoutMillis)

  const subscribeAgain = (): void => {
    clearTimeout(retry)
    if (closed || channels.size === 0 || client.status !== "ready") return
    bounded(timeoutMillis, client.subscribe(...channels)).then(
      () => {
        if (lost) for (const tell of again) tell()
        lost = false
      },
      () => {
        retry = setTimeout(subscribeAgain, retryMillis)
      }
    )
  }
  client.on("ready", subscribeAgain)
  client.on("close", () => {
    lost = true
  })

  return {
    ...calls,
    onAgain: (callback) => {
      again.push(callback)
    },
    subscribe: (channel) => {
      channels.add(channel)
      return calls.subscribe(channel).catch((error: unknown) => {
        channels.delete(channel)
        throw error
      })
    },
    unsubscribe: (channel) => {
      channels.delete(channel)
      return calls.unsubscribe(channel)
    },
    ping: () => bounded(timeoutMillis, client.ping()),
    disconnect: (reconnects = false) => {
      if (reconnects) reconnect(client)
      else {
        closed = true
        clearTimeout(retry)
        client.disconnect()
      }
    }
  }
}
