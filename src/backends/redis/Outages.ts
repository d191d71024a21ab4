import * as Effect from "effect/Effect"
import { messageOf } from "./store-error.ts"

/** Says once that a server was lost, and once that it is back, however many connections it takes part in. */
export class Outages {
  private readonly log: (line: Effect.Effect<void>) => void
  private readonly lostParts = new Map<string, Set<object>>()
  private closed = false

  constructor(log: (line: Effect.Effect<void>) => void) {
    this.log = log
  }

  /** A connection was lost; `part` tells it from others to the same server. */
  lost(server: string, part: object, cause: unknown): void {
    if (this.closed) return
    const parts = this.lostParts.get(server)
    if (parts === undefined) {
      this.lostParts.set(server, new Set([part]))
      this.log(Effect.logWarning(`${server}: connection lost, reconnecting: ${messageOf(cause)}`))
    } else parts.add(part)
  }

  /** A connection works, whichever server it now leads to. */
  back(part: object): void {
    if (this.lostParts.size === 0) return
    for (const [server, parts] of this.lostParts) {
      if (!parts.delete(part) || parts.size > 0) continue
      this.lostParts.delete(server)
      this.log(Effect.logInfo(`${server}: connection is back`))
    }
  }

  close(): void {
    this.closed = true
  }
}
