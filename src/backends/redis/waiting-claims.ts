import * as Effect from "effect/Effect"
import type { Claimant } from "../../ports/Wakeups.ts"
import type { Answer, AnsweredCommand } from "./AnsweredCommand.ts"
import { encodeExchange, type RawReply } from "./exchange-codec.ts"
import { replyOf } from "./exchange-reply.ts"
import type { Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"

/** A claim that follows one wait. */
export interface Claim {
  readonly command: (answer: Answer) => AnsweredCommand
  readonly forMillis: number
  /** Hands the reply to the claimant; answers whether it was of use. */
  readonly answer: (reply: unknown) => boolean
}

/** The claims of a worker that follow its waits. */
export interface WaitingClaims {
  /** For the wait that begins, if it wants one. */
  readonly next: () => Claim | undefined
}

export const waitingClaims = (queues: Queues, claimant: Claimant): Effect.Effect<WaitingClaims> =>
  Effect.map(Effect.context<never>(), (services) => ({
    next: () => {
      const waiting = claimant.claim()
      if (waiting === undefined) return undefined
      const { forMillis, request } = waiting
      return {
        forMillis,
        command: queues.command(scripts.exchange, request.queue, encodeExchange(request, queues.notices)),
        answer: (raw) => {
          const { drop, reply } = replyOf(queues, request.queue, raw as RawReply)
          if (drop !== undefined) Effect.runForkWith(services)(drop)
          return claimant.take(request, reply)
        }
      }
    }
  }))
