import type { Cluster, Redis as IORedis } from "ioredis"

/** Before a client that has given up is connected again. */
const reviveMillis = 500

/**
 * Connects a client again when the driver has given up on it, as it does when it is disconnected between two steps of
 * connecting, when all Sentinels are out of reach, or when a `retryStrategy` says so.
 */
export const revive = (client: IORedis | Cluster, isClosed: () => boolean): void => {
  client.on("end", () => {
    if (isClosed()) return
    setTimeout(() => {
      if (!isClosed() && client.status === "end") client.connect().catch(() => undefined)
    }, reviveMillis).unref()
  })
}

/** Replaces a connection. One that is being made is left alone: the driver would give up on the client. */
export const reconnect = (client: IORedis | Cluster): void => {
  if (client.status === "ready") client.disconnect(true)
}

/** Gives up on an answer after a while. */
export const bounded = <A>(millis: number, answer: Promise<A>): Promise<A> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${millis} ms`)), millis)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
