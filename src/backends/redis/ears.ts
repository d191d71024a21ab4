import * as Result from "effect/Result"
import { type Cluster, Command, type Redis as IORedis } from "ioredis"
import { Answer, AnsweredCommand } from "./AnsweredCommand.ts"
import { reconnect } from "./revive.ts"
import { endSilent } from "./silence.ts"
import { isReply, messageOf } from "./store-error.ts"
import { takeInAtOnce } from "./take-in-at-once.ts"

/** How a wait ended. */
export interface Heard {
  /** Of the marker; absent when there was none in time. */
  readonly key: string | undefined
  /** The reply, as bytes, to what followed; absent when nothing did, or it failed. */
  readonly reply: unknown
  /** Why there was no wait, although what should have followed it was carried out. */
  readonly error?: unknown
}

/** Makes the command that follows a wait. */
export type Following = (answer: Answer) => AnsweredCommand

/** Who is told of the end of a wait, once. */
export interface Listener {
  readonly heard: (heard: Heard) => void
  readonly failed: (error: unknown) => void
}

/** A connection that waits for the markers of wake-ups. A call that failed may be made again, and reconnects. */
export interface Ear {
  /** Whose log line an outage belongs to. */
  readonly server: string
  /**
   * Takes a marker, or waits for one until the time is over. One call at a time. The server carries out what follows, a
   * command answered in bytes, as soon as the wait is over.
   */
  readonly pop: (seconds: number, following: Following | undefined, listener: Listener) => void
  /** Resolves when the server cannot give it a marker any more, or when it is too far away to say so. */
  readonly close: () => Promise<void>
}

type Popped = readonly [key: string, member: string, score: string] | null

/** Both commands in one write; the second needs no round trip of its own. */
const pop = (
  client: IORedis,
  keys: ReadonlyArray<string>,
  seconds: number,
  following: Following | undefined,
  { failed, heard }: Listener
): void => {
  let key: string | undefined
  let error: unknown
  const told = new Answer(
    (reply) => {
      key = (reply as Popped)?.[0]
      if (following === undefined) heard({ key, reply: undefined })
    },
    (reason) => {
      error = reason
      if (following === undefined) failed(reason)
    }
  )
  const popped = new AnsweredCommand("bzpopmin", [...keys, seconds], "text", told)
  if (following === undefined) {
    client.sendCommand(popped)
    return
  }
  const followed = following(
    new Answer(
      (reply) => heard(error === undefined ? { key, reply } : { key, reply, error }),
      () => (error === undefined ? heard({ key, reply: undefined }) : failed(error))
    )
  )
  const { stream } = client
  stream?.cork()
  client.sendCommand(popped)
  client.sendCommand(followed)
  stream?.uncork()
}

// the driver reports to listeners what it also rejects calls with, and prints it when there is none
const quiet = (client: IORedis): IORedis => client.on("error", () => undefined)

/** The server closes its side once it has read that ours is closed: until then it may answer, and a marker would be lost. */
const ended = (client: IORedis): Promise<void> =>
  new Promise((resolve) => {
    if (client.status !== "ready" && client.status !== "connect") resolve()
    // the driver waits for its `disconnectTimeout` at most
    else client.once("end", () => resolve())
    client.disconnect()
  })

/** One connection for all queues. The driver reconnects by itself. */
export const earOf = (
  server: string,
  connect: () => IORedis,
  silentMillis: number,
  keys: ReadonlyArray<string>
): Ear => {
  const client = quiet(connect())
  endSilent(client, silentMillis)
  takeInAtOnce(client)
  return {
    server,
    pop: (seconds, following, { failed, heard }) => {
      const listener: Listener = {
        heard,
        failed: (error) => {
          // the master became a replica: where the connection leads is to be found out anew
          if (isReply(error) && /^(READONLY|UNBLOCKED) /.test(messageOf(error))) reconnect(client)
          failed(error)
        }
      }
      // the driver may have given up on it
      if (client.status !== "end") pop(client, keys, seconds, following, listener)
      else
        client
          .connect()
          .then(() => pop(client, keys, seconds, following, listener))
          .catch(failed)
    },
    close: () => ended(client)
  }
}

/** One connection for one queue, to the node that holds it: a blocking command must stay within a slot. */
export const clusterEarOf = (cluster: Cluster, connectionName: string, silentMillis: number, key: string): Ear => {
  const slot = new Command("get", [key]).getSlot()
  let client: IORedis | undefined
  let server = "redis cluster"

  const connect = (): Result.Result<IORedis, Error> => {
    const address = cluster.slots[slot]?.[0]
    const owner = cluster.nodes("master").find((node) => `${node.options.host}:${node.options.port}` === address)
    if (owner === undefined) return Result.fail(new Error(`no node is known for slot ${slot}`))
    server = `redis node ${address}`
    const opened = quiet(owner.duplicate({ connectionName, enableOfflineQueue: true, retryStrategy: null }))
    endSilent(opened, silentMillis)
    takeInAtOnce(opened)
    return Result.succeed(opened)
  }

  const close = (): Promise<void> => {
    const open = client
    client = undefined
    return open === undefined ? Promise.resolve() : ended(open)
  }

  return {
    get server() {
      return server
    },
    pop: (seconds, following, listener) => {
      const failed = (error: unknown): void => {
        // the slot may have moved, or its node may be gone; a cluster that is down says so, and comes back
        if (!isReply(error) || !messageOf(error).startsWith("CLUSTERDOWN")) void close()
        if (cluster.status === "ready") cluster.refreshSlotsCache()
        listener.failed(error)
      }
      const connected = client === undefined ? connect() : Result.succeed(client)
      if (Result.isFailure(connected)) return failed(connected.failure)
      client = connected.success
      pop(client, [key], seconds, following, { heard: listener.heard, failed })
    },
    close
  }
}
