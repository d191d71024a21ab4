import type { DeadReason, JobId, JobState, Token } from "../../domain/Job.ts"
import type { NewJob, PrunePolicy, Settlement } from "../../ports/JobStore.ts"
import type { Counters, Depths } from "../../ports/QueueControl.ts"

/** Names a claim: what `claim` hands out, or an id and a token of one's own. */
export interface Held {
  readonly id: JobId
  readonly token: Token
}

export const job = (id: JobId, options: Partial<NewJob> = {}): NewJob => ({
  id,
  kind: "contract.job",
  payload: `{"id":"${id}"}`,
  priority: 5,
  maxAttempts: 3,
  retainMillis: 0,
  ...options
})

/** `count` jobs with ids that do not sort in the order given. */
export const jobs = (count: number, options: Partial<NewJob> = {}): ReadonlyArray<NewJob> =>
  Array.from({ length: count }, (_, i) => job(`job-${count - i}`, options))

const of = (held: Held) => ({ jobId: held.id, token: held.token })

export const complete = (held: Held, result?: string): Settlement => ({
  _tag: "Complete",
  ...of(held),
  ...(result === undefined ? {} : { result })
})

export const retry = (held: Held, delayMillis = 0, error = "it failed"): Settlement => ({
  _tag: "Retry",
  ...of(held),
  delayMillis,
  error
})

export const bury = (held: Held, reason: DeadReason = "skipped", error = "it failed"): Settlement => ({
  _tag: "Bury",
  ...of(held),
  reason,
  error
})

export const cancel = (held: Held, reason = "not wanted"): Settlement => ({ _tag: "Cancel", ...of(held), reason })

export const snooze = (held: Held, delayMillis = 1000): Settlement => ({ _tag: "Snooze", ...of(held), delayMillis })

export const release = (held: Held, delayMillis = 0): Settlement => ({ _tag: "Release", ...of(held), delayMillis })

/** One settlement of every kind, all with the same token. */
export const everySettlement = (held: Held): ReadonlyArray<Settlement> => [
  complete(held, "1"),
  retry(held),
  bury(held),
  cancel(held),
  snooze(held),
  release(held)
]

export const ids = (list: ReadonlyArray<{ readonly id: JobId }>): ReadonlyArray<JobId> => list.map(({ id }) => id)

const noJobs: Depths = { scheduled: 0, pending: 0, active: 0, retry: 0, completed: 0, cancelled: 0, dead: 0 }

/** All depths, 0 where nothing else is said. */
export const depths = (some: Partial<Record<JobState, number>>): Depths => ({ ...noJobs, ...some })

const nothingHappened: Counters = {
  enqueued: 0,
  claimed: 0,
  completed: 0,
  retried: 0,
  died: 0,
  cancelled: 0,
  snoozed: 0,
  released: 0,
  rescued: 0,
  redriven: 0,
  removed: 0,
  duplicates: 0,
  stale: 0,
  expired: 0
}

/** All counters, 0 where nothing else is said. */
export const counters = (some: Partial<Counters>): Counters => ({ ...nothingHappened, ...some })

/** A policy that removes only records whose own retention is over. */
export const keepAll: PrunePolicy = {
  limit: 1000,
  deadRetainMillis: 365 * 24 * 60 * 60 * 1000,
  maxDead: 1_000_000,
  maxFinished: 1_000_000
}
