import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { type Notice, Notices } from "../../ports/Notices.ts"
import type { Sealed } from "./Sealed.ts"
import type { Watched } from "./Watched.ts"

/** A notice as it was meant; nothing when it cannot be told whose it is: whoever waits looks by itself. */
const opened = (sealed: Sealed, watched: Watched, name: string, notice: Notice): Notice | undefined => {
  if (notice._tag === "CancelRequested") {
    return { ...notice, reason: sealed.text(notice.reason, ["text", notice.queue, notice.jobId]) }
  }
  if (notice._tag !== "Ended") return notice
  const place = watched.take(name, notice.ref)
  return place === undefined ? undefined : { ...notice, ended: sealed.openEnded(notice.ended, place) }
}

export const encryptedNotices = (notices: Notices["Service"], sealed: Sealed, watched: Watched): Notices["Service"] =>
  Notices.of({
    quiet: notices.quiet,
    open: Effect.fnUntraced(function* (name) {
      const inbox = yield* notices.open(name)
      const mailbox = yield* Effect.acquireRelease(Queue.unbounded<Notice>(), Queue.shutdown)
      yield* Queue.take(inbox).pipe(
        Effect.map((notice) => {
          const meant = opened(sealed, watched, name, notice)
          if (meant !== undefined) Queue.offerUnsafe(mailbox, meant)
        }),
        Effect.forever,
        Effect.forkScoped({ startImmediately: true })
      )
      return mailbox
    })
  })
