import * as Effect from "effect/Effect"
import type { ExchangeReply } from "../../ports/JobStore.ts"
import type { decodeEndings } from "./codec.ts"
import { decodeExchange, type RawReply } from "./exchange-codec.ts"
import type { Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"
import { warnUnreadable } from "./unreadable.ts"

/** Says which endings cannot be read, and forgets them: nobody can tell a workflow of them. */
export const dropEndings = (
  queues: Queues,
  queue: string,
  unreadable: ReturnType<typeof decodeEndings>["unreadable"]
): Effect.Effect<void> =>
  unreadable.length === 0
    ? Effect.void
    : warnUnreadable(
        queue,
        unreadable.map(({ jobId }) => jobId)
      ).pipe(
        Effect.andThen(
          queues.run(
            "forgetEndings",
            scripts.relayed,
            queue,
            unreadable.flatMap(({ jobId, sequence }) => [jobId, sequence])
          )
        ),
        // they are handed out again, and dropped then
        Effect.ignore
      )

/** A reply, and what is to be said and dropped of it because it cannot be read; mostly nothing. */
export const replyOf = (
  queues: Queues,
  queue: string,
  raw: RawReply
): { readonly reply: ExchangeReply; readonly drop: Effect.Effect<void> | undefined } => {
  const { decoded, dropped, unreadable } = decodeExchange(raw)
  if (unreadable.length === 0 && dropped.length === 0) return { reply: decoded, drop: undefined }
  const warn = unreadable.length === 0 ? Effect.void : warnUnreadable(queue, unreadable)
  // what is said of others' records must not cost the reply
  return { reply: decoded, drop: Effect.ignoreCause(Effect.andThen(warn, dropEndings(queues, queue, dropped))) }
}
