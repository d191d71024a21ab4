import { StoreError, type StoreErrorReason } from "../../ports/StoreError.ts"

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

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const isReply = (cause: unknown): boolean => cause instanceof Error && cause.name === "ReplyError"

/** What kept an operation from an answer. Only a refusal that will not change by itself is not retryable. */
export const storeError =
  (operation: string) =>
  (cause: unknown): StoreError => {
    const word = /^[A-Z]+/.exec(messageOf(cause).replace(/^ERR /, ""))?.[0] ?? ""
    // a script that fails inside carries the inner error's word, whatever position it has
    const inner = Object.keys(reasons).find((key) => new RegExp(`(^|[ :@])-?${key} `).test(messageOf(cause)))
    const reason = isReply(cause)
      ? (reasons[word] ?? (inner === undefined ? "rejected" : reasons[inner]!))
      : "unavailable"
    return new StoreError({ operation, reason, retryable: reason !== "denied" && reason !== "rejected", cause })
  }
