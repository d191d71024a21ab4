import type { Cluster, Redis as IORedis } from "ioredis"
import { eachNode } from "./each-node.ts"

/** How often a connection is looked at within the time for which it may be silent. */
const looks = 16

/**
 * Ends a connection that owes an answer and has said nothing for that long, give or take a sixteenth. The driver can do
 * that itself, but starts and stops a timer and a listener for every piece of a reply.
 */
const endWhenSilent = (client: IORedis, millis: number): void => {
  const period = millis / looks
  let timer: ReturnType<typeof setInterval> | undefined
  client.on("connect", () => {
    const { stream } = client
    let owed = false
    let read = 0
    let since = 0
    const look = (): void => {
      if (client.stream !== stream) return
      const now = performance.now()
      const isSilent = owed && stream.bytesRead === read
      owed = client.commandQueue.length > 0
      read = stream.bytesRead
      if (!isSilent) since = now
      // the looks are not that exactly apart
      else if (owed && now - since >= millis - period / 2) stream.destroy(new Error(`nothing came for ${millis} ms`))
    }
    clearInterval(timer)
    // after a time in which the process stood still, what has come is taken in first
    timer = setInterval(() => setImmediate(look), period).unref()
  })
  client.on("close", () => clearInterval(timer))
}

/** The same for the connections of a client for commands. */
export const endSilent = (client: IORedis | Cluster, millis: number): void =>
  eachNode(client, (node) => endWhenSilent(node, millis))
