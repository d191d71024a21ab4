import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { Notice } from "../../ports/Notices.ts"

/** Who is open for notices, by name. */
export class Mailboxes {
  readonly #open = new Map<string, Set<Queue.Queue<Notice>>>()

  readonly send = (name: string, notice: Notice): void => {
    for (const mailbox of this.#open.get(name) ?? []) Queue.offerUnsafe(mailbox, notice)
  }

  readonly open = (name: string) =>
    Effect.acquireRelease(
      Effect.map(Queue.unbounded<Notice>(), (mailbox) => {
        const mailboxes = this.#open.get(name) ?? new Set()
        this.#open.set(name, mailboxes.add(mailbox))
        return mailbox
      }),
      (mailbox) =>
        Effect.suspend(() => {
          const mailboxes = this.#open.get(name)
          mailboxes?.delete(mailbox)
          if (mailboxes?.size === 0) this.#open.delete(name)
          return Queue.shutdown(mailbox)
        })
    )
}
