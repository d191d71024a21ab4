import * as Effect from "effect/Effect"
import { messageOf } from "./store-error.ts"

interface Outage {
  /** The connections that are still lost. */
  readonly parts: Set<object>
  /** Whether others do now what the server did. */
  replaced: boolean
}

/** Says once that a server was lost, and once that it is back, however many connections it takes part in. */
export class Outages {
  private readonly log: (line: Effect.Effect<void>) => void
  private readonly outages = new Map<string, Outage>()
  private readonly dismissed = new Set<string>()
  private closed = false

  constructor(log: (line: Effect.Effect<void>) => void) {
    this.log = log
  }

  /** A connection was lost; `part` tells it from others to the same server. */
  lost(server: string, part: object, cause: unknown): void {
    if (this.closed || this.dismissed.has(server)) return
    const outage = this.outages.get(server)
    if (outage === undefined) {
      this.outages.set(server, { parts: new Set([part]), replaced: false })
      this.log(Effect.logWarning(`${server}: connection lost, reconnecting: ${messageOf(cause)}`))
    } else outage.parts.add(part)
  }

  /** A connection works, whichever server it now leads to. */
  back(part: object): void {
    for (const [server, { replaced }] of this.leave(part)) {
      this.log(Effect.logInfo(`${server}: ${replaced ? "others serve in its place" : "connection is back"}`))
    }
  }

  /** A server is not waited for any more, nor missed: its part of the work is done by others. */
  dismiss(server: string, part: object): void {
    this.dismissed.add(server)
    const outage = this.outages.get(server)
    if (outage === undefined) return
    outage.replaced = true
    this.back(part)
  }

  /** A server has work again. */
  admit(server: string): void {
    this.dismissed.delete(server)
  }

  /** A connection is closed for good, which says nothing of its server. */
  forget(part: object): void {
    this.leave(part)
  }

  close(): void {
    this.closed = true
  }

  /** The outages that are over without this part. */
  private leave(part: object): ReadonlyArray<readonly [server: string, outage: Outage]> {
    if (this.outages.size === 0) return []
    const over = [...this.outages].filter(([, { parts }]) => parts.delete(part) && parts.size === 0)
    for (const [server] of over) this.outages.delete(server)
    return over
  }
}
