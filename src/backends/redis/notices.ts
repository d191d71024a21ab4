import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { checkWorker } from "../../domain/limits.ts"
import { refused } from "../../ports/checks.ts"
import { type Notice, Notices } from "../../ports/Notices.ts"
import { decodeEnded, parseText } from "./codec.ts"
import type { Connection } from "./Connection.ts"
import { noticeChannel } from "./keys.ts"
import { storeError } from "./store-error.ts"

/** A message as lib/moves.lua, cancel.lua, advance.lua and `quiet` publish it; nothing when it is not of our making. */
export const decodeNotice = (message: string): Notice | undefined => {
  const [kind, first = "", ...rest] = message.split("\n")
  const ref = Number(first)
  switch (kind) {
    case "ended": {
      const ended = decodeEnded(rest.join("\n"))
      return ended !== undefined && Number.isSafeInteger(ref) ? { _tag: "Ended", ref, ended } : undefined
    }
    case "quiet":
      return { _tag: "Quiet" }
    case "workflow":
      return Number.isSafeInteger(ref) ? { _tag: "WorkflowEnded", ref } : undefined
    case "cancel": {
      const [jobId, token, reason = ""] = [rest[0], Number(rest[1]), rest[2]]
      return jobId !== undefined && Number.isSafeInteger(token)
        ? { _tag: "CancelRequested", queue: first, jobId, token, reason: parseText(reason) }
        : undefined
    }
    default:
      return undefined
  }
}

/** How often a silent connection is asked whether it is still there. */
const pingMillis = 10_000

const missed: Notice = { _tag: "Missed" }

type Listener = (channel: string, message: string) => void

/** A connection of its own for subscriptions. */
const subscribeWith = (connection: Connection, listener: Listener, missed: () => void) => {
  const client = connection.subscriber()
  // the command connection, which goes to the same server, tells of outages
  client.on("error", () => undefined)
  client.on("message", listener)
  client.onAgain(missed)
  const pings = setInterval(() => {
    // without an answer the socket is dead, and nobody else would notice
    client.ping().catch(() => client.disconnect(true))
  }, pingMillis)
  pings.unref()
  return {
    client,
    close: () => {
      clearInterval(pings)
      client.disconnect()
    }
  }
}

/**
 * One subscribing connection per process, opened when the first name is. What is sent while it is lost is lost, and all
 * are told so.
 */
export const make = Effect.fnUntraced(function* (connection: Connection) {
  const mailboxes = new Map<string, Set<Queue.Queue<Notice>>>()
  let subscriber: ReturnType<typeof subscribeWith> | undefined
  yield* Effect.addFinalizer(() => Effect.sync(() => subscriber?.close()))

  const connect = () =>
    (subscriber ??= subscribeWith(
      connection,
      (channel, message) => {
        const notice = decodeNotice(message)
        if (notice === undefined) return
        for (const mailbox of mailboxes.get(channel) ?? []) Queue.offerUnsafe(mailbox, notice)
      },
      () => {
        for (const others of mailboxes.values()) for (const mailbox of others) Queue.offerUnsafe(mailbox, missed)
      }
    )).client

  const leave = (channel: string, mailbox: Queue.Queue<Notice>) =>
    Effect.gen(function* () {
      const others = mailboxes.get(channel)
      others?.delete(mailbox)
      if (others?.size === 0) {
        mailboxes.delete(channel)
        yield* Effect.ignore(Effect.tryPromise(() => connect().unsubscribe(channel)))
      }
      yield* Queue.shutdown(mailbox)
    })

  return Notices.of({
    quiet: (worker) =>
      Effect.fromResult(checkWorker(worker)).pipe(
        Effect.mapError((cause) => refused("quiet", cause)),
        Effect.andThen(
          connection.ask("quiet", (commands) => commands.publish(noticeChannel(connection.prefix, worker), "quiet"))
        ),
        Effect.asVoid
      ),
    open: Effect.fnUntraced(function* (name) {
      const channel = noticeChannel(connection.prefix, name)
      const mailbox = yield* Effect.acquireRelease(Queue.unbounded<Notice>(), (opened) => leave(channel, opened))
      mailboxes.set(channel, (mailboxes.get(channel) ?? new Set()).add(mailbox))
      yield* Effect.tryPromise({ try: () => connect().subscribe(channel), catch: storeError("notices") })
      return mailbox
    })
  })
})
