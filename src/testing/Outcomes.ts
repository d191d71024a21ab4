import type { EpochMillis, JobId, Token } from "../domain/Job.ts"
import { type Ending, endingOf } from "../features/worker/ending-of.ts"
import type { ClaimedJob, ExchangeReply, ExchangeRequest } from "../ports/JobStore.ts"

/** How an attempt ended: as in the worker's log lines. */
export type Outcome = Ending["outcome"]

/** One attempt that ended during a run. */
export interface AttemptOutcome {
  readonly queue: string
  readonly kind: string
  readonly jobId: JobId
  /** Which attempt, from 1. */
  readonly attempt: number
  readonly outcome: Outcome
  /** What the ledger says of a failure. */
  readonly error?: string
  /** When it was claimed, and when its end was recorded, by the virtual clock. */
  readonly startedAt: EpochMillis
  readonly endedAt: EpochMillis
}

/** How many attempts ended how; what did not occur is 0. */
export type Tally = Readonly<Record<Outcome, number>>

const nothing: Tally = {
  completed: 0,
  retry: 0,
  dead: 0,
  undecodable: 0,
  cancelled: 0,
  snoozed: 0,
  released: 0,
  no_handler: 0,
  lease_lost: 0
}

export const tally = (attempts: ReadonlyArray<AttemptOutcome>): Tally => {
  const counts: Record<Outcome, number> = { ...nothing }
  for (const { outcome } of attempts) counts[outcome]++
  return counts
}

export const tallyByKind = (attempts: ReadonlyArray<AttemptOutcome>): Readonly<Record<string, Tally>> => {
  const kinds = new Map<string, Array<AttemptOutcome>>()
  for (const one of attempts) kinds.set(one.kind, [...(kinds.get(one.kind) ?? []), one])
  return Object.fromEntries(Array.from(kinds, ([kind, some]) => [kind, tally(some)]))
}

interface Claimed {
  readonly job: ClaimedJob
  readonly at: EpochMillis
}

/** Every attempt that ended, in the order in which the store recorded it. */
export class Outcomes {
  readonly ended: Array<AttemptOutcome> = []
  /** Kinds that some worker has a handler for: those it started. */
  readonly #started: ReadonlySet<string>
  readonly #claimed = new Map<string, Map<Token, Claimed>>()

  constructor(started: ReadonlySet<string>) {
    this.#started = started
  }

  add({ queue, settlements }: ExchangeRequest, { claimed, settled }: ExchangeReply, now: EpochMillis): void {
    let held = this.#claimed.get(queue)
    if (held === undefined) this.#claimed.set(queue, (held = new Map()))
    for (let i = 0; i < settlements.length; i++) {
      const settlement = settlements[i]!
      const claim = held.get(settlement.token)
      if (claim === undefined) continue
      held.delete(settlement.token)
      const { attempt, id, kind } = claim.job
      const ending = endingOf(settlement, settled[i]!, claim.job, this.#started.has(kind))
      this.ended.push({
        queue,
        kind,
        jobId: id,
        attempt,
        outcome: ending.outcome,
        ...("error" in ending ? { error: ending.error } : {}),
        startedAt: claim.at,
        endedAt: now
      })
    }
    for (const job of claimed) held.set(job.token, { job, at: now })
  }
}
