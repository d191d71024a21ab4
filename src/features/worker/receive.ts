import type { ExchangeReply, ExchangeRequest } from "../../ports/JobStore.ts"
import { Attempt, interrupt, type Lane } from "./Lane.ts"
import { end } from "./run-attempt.ts"
import type { WorkerState } from "./WorkerState.ts"

/**
 * Takes in what an exchange brought: news of others' jobs, and what was claimed, once. Answers whether it told anything
 * of a claim; the answer to one that was repeated comes twice.
 */
export const receive = (state: WorkerState, lane: Lane, { claim }: ExchangeRequest, reply: ExchangeReply): boolean => {
  state.extensions.report(lane.queue, reply)
  if (reply.endings.length > 0) state.relay.add(lane.queue, reply.endings)
  if (claim === undefined || lane.openClaim !== claim.number) return false
  lane.openClaim = undefined

  const now = state.monotonicMillis()
  const { claimed, more, nextInMillis } = reply
  const startable = state.received(lane, claimed.length)
  if (claim.limit > 0) {
    lane.found(claimed.length, more)
    lane.mayExpectOwn = nextInMillis !== undefined && lane.attempts.size > 0
  }
  // a millisecond at least: the store's clock may be a little behind what it announced
  state.expect(lane, nextInMillis === undefined ? Infinity : now + Math.max(1, nextInMillis))
  // an answer that took longer than the leases: by now others may run these jobs
  const trustedUntil = lane.openSince + claim.leaseMillis
  const isLate = claimed.length > 0 && now >= trustedUntil
  for (let i = 0; i < claimed.length; i++) {
    const job = claimed[i]!
    const attempt = new Attempt(job, trustedUntil)
    lane.attempts.set(job.token, attempt)
    attempt.cancelReason = state.cancelledEarly.take(lane.queue, job.token)
    if (attempt.cancelReason !== undefined) interrupt(attempt, "cancelled")
    if (i < startable && !isLate) lane.ready.push(attempt)
    else end(state, lane, attempt, { _tag: "Release", jobId: job.id, token: job.token, delayMillis: 0 })
  }
  return true
}
