import * as Effect from "effect/Effect"
import type { JobStore } from "../../ports/JobStore.ts"
import { type Claimant, Wakeups } from "../../ports/Wakeups.ts"
import { openReply, refuse, say } from "./opened-reply.ts"
import type { Sealed } from "./Sealed.ts"

/** What comes along with waits and enqueues passes no exchange, and is decrypted here. `store` is the one that is not encrypted. */
export const encryptedWakeups = (
  wakeups: Wakeups["Service"],
  store: JobStore["Service"],
  sealed: Sealed,
  delayMillis: number
): Wakeups["Service"] => {
  const decrypting = (claimant: Claimant): Effect.Effect<Claimant> =>
    Effect.map(Effect.context<never>(), (services) => ({
      claim: () => claimant.claim(),
      claimNow: (queue, kind) => claimant.claimNow(queue, kind),
      lose: (request) => claimant.lose(request),
      forgo: (request) => claimant.forgo(request),
      take: (request, reply) => {
        const { queue, worker } = request
        const { problems, refused, ...opened } = openReply(sealed, delayMillis, queue, reply)
        // endings that come of this are handed to somebody else in a few seconds
        const settled = refused.length === 0 ? Effect.void : refuse(store, sealed, queue, worker, refused)
        if (problems.length > 0) Effect.runForkWith(services)(Effect.andThen(say(problems), settled))
        return claimant.take(request, { ...reply, ...opened })
      }
    }))

  return Wakeups.of({
    subscribe: (queues, claimant) =>
      claimant === undefined
        ? wakeups.subscribe(queues)
        : Effect.flatMap(decrypting(claimant), (decrypting) => wakeups.subscribe(queues, decrypting))
  })
}
