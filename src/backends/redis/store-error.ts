import { InvalidInput } from "../../domain/limits.ts"
import { StoreError, type StoreErrorReason } from "../../ports/StoreError.ts"
import { RedisUnsuitable } from "./RedisUnsuitable.ts"

/** Server replies by their first word; anything else the server says is `rejected`. */
const reasons: Readonly<Record<string, StoreErrorReason>> = {
  OOM: "full",
  READONLY: "read-only",
  NOREPLICAS: "read-only",
  MISCONF: "read-only",
  NOPERM: "denied",
  NOAUTH: "denied",
  WRONGPASS: "denied",
  LOADING: "unavailable",
  BUSY: "unavailable",
  MASTERDOWN: "unavailable",
  CLUSTERDOWN: "unavailable",
  TRYAGAIN: "unavailable"
}

const reasonsUnsuitable = {
  unreachable: "unavailable",
  "read-only": "read-only",
  refused: "denied",
  "too-old": "rejected",
  evicting: "rejected",
  "cluster-node": "rejected",
  "other-format": "rejected"
} as const satisfies Record<RedisUnsuitable["reason"], StoreErrorReason>

export const messageOf = (cause: unknown): string => {
  // what the driver says of calls that were under way when a connection broke speaks of an option nobody has set
  if (cause instanceof Error && cause.name === "MaxRetriesPerRequestError") return "the connection was closed"
  if (cause instanceof Error && cause.message.startsWith("Stream isn't writeable")) return "there is no connection"
  return cause instanceof Error ? cause.message : String(cause)
}

/** Whether the server said this; anything else went wrong on the way. */
export const isReply = (cause: unknown): boolean => cause instanceof Error && cause.name === "ReplyError"

/** What 7.0 says of a script whose user lacks a command or a key that it uses, without a word of its own. */
const lacksRights = /The user executing the script can't (run this command|access at least one of the keys)/

const reasonOfReply = (message: string): StoreErrorReason => {
  if (lacksRights.test(message)) return "denied"
  const word = /^[A-Z]+/.exec(message.replace(/^ERR /, ""))?.[0] ?? ""
  // a script that fails inside carries the inner error's word, whatever position it has
  const inner = Object.keys(reasons).find((key) => new RegExp(`(^|[ :@])-?${key} `).test(message))
  return reasons[word] ?? (inner === undefined ? "rejected" : reasons[inner]!)
}

export const reasonOf = (cause: unknown): StoreErrorReason => {
  if (cause instanceof RedisUnsuitable) return reasonsUnsuitable[cause.reason]
  if (cause instanceof InvalidInput) return "rejected"
  return isReply(cause) ? reasonOfReply(messageOf(cause)) : "unavailable"
}

/** What kept an operation from an answer. Only a refusal that will not change by itself is not retryable. */
export const storeError =
  (operation: string) =>
  (cause: unknown): StoreError => {
    const reason = reasonOf(cause)
    return new StoreError({ operation, reason, retryable: reason !== "denied" && reason !== "rejected", cause })
  }
