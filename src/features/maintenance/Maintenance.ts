import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { durationMillis, InvalidInput } from "../../domain/limits.ts"
import { JobStore, type PrunePolicy, type RescueReply } from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"

/** How long, and how many, records of ended jobs are kept. */
export interface Retention {
  /** Dead letters older than this are removed; 90 days when left out. */
  readonly dead?: Duration.Input
  /** Dead letters beyond this count are removed, oldest first; 100 000 when left out. */
  readonly maxDead?: number
  /** Completed, and cancelled, records beyond this count are removed before their time; 100 000 when left out. */
  readonly maxFinished?: number
}

/** How much one step does at most, so that no script runs long. */
const promoteLimit = 1000
const rescueLimit = 100
const pruneLimit = 500

const countOf = (field: string, count: number): Result.Result<number, InvalidInput> =>
  Number.isSafeInteger(count) && count >= 0
    ? Result.succeed(count)
    : Result.fail(new InvalidInput({ field, problem: `must be a whole number, not ${count}` }))

/** What is removed in one step. **Errors** `InvalidInput` for what is no duration, or no count. */
export const policyOf = (retention: Retention): Result.Result<PrunePolicy, InvalidInput> =>
  Result.all({
    limit: Result.succeed(pruneLimit),
    deadRetainMillis: durationMillis("retention.dead", retention.dead ?? "90 days"),
    maxDead: countOf("retention.maxDead", retention.maxDead ?? 100_000),
    maxFinished: countOf("retention.maxFinished", retention.maxFinished ?? 100_000)
  })

/**
 * Tidies a queue once: promotes what is due, rescues what nobody holds any more, removes what is over.
 *
 * **Shape** Every worker does this for its queues by itself; many at once do no harm. `report` hears of the jobs whose
 * leases had expired.
 * **Errors** `StoreError`: what was done stays done.
 * **Ref** docs/semantics.md DELAY-1, LEASE-2, RETAIN-1..4
 * @category queues
 * @since 0.1.0
 */
export const sweep = (
  queue: string,
  policy: PrunePolicy,
  report: (queue: string, reply: RescueReply) => void = () => {}
): Effect.Effect<void, StoreError, JobStore> =>
  Effect.gen(function* () {
    const store = yield* JobStore
    while ((yield* store.promote(queue, promoteLimit)) === promoteLimit) yield* Effect.yieldNow
    while (true) {
      const reply = yield* store.rescue(queue, rescueLimit)
      report(queue, reply)
      // jobs that were asked to stop are taken back as well, and not named
      if (reply.rescued.length + reply.buried.length === 0) break
    }
    let pruned = 0
    for (let step = policy.limit; step === policy.limit; pruned += step) step = yield* store.prune(queue, policy)
    if (pruned > 0) yield* Effect.logDebug(`queue ${queue}: removed ${pruned} records whose time is over`)
  })
