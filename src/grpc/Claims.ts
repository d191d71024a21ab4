import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { ExchangeReply, ExchangeRequest, Held, JobStore } from "../ports/JobStore.ts"
import type { QueueControl } from "../ports/QueueControl.ts"
import type { StoreError } from "../ports/StoreError.ts"
import { claimerName } from "./worker-names.ts"

/** A name under which one claim at a time is made. */
interface Claimer {
  readonly name: string
  readonly index: number
  usedAt: number
}

/** The names of one worker at one queue. */
interface Claimers {
  readonly queue: string
  readonly free: Array<Claimer>
  taken: Set<number>
}

/** How long a name is kept for the next claim of its worker. */
const idleMillis = 10 * 60 * 1000

const backoff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("1 second")]).pipe(Schedule.jittered)

/** Whether the store may have acted without our knowing. */
const isUnknown = (cause: Cause.Cause<StoreError>): boolean =>
  cause.reasons.some((reason) => reason._tag !== "Fail" || reason.error.reason === "unavailable")

/** Claims for remote workers, and gives back what does not reach them. */
export interface Claims {
  /**
   * Claims jobs in the name of a worker. Runs to its end once begun, so that nothing that was claimed is forgotten. When
   * the store does not answer, what it may have handed out is given back as soon as it does.
   */
  readonly claim: (request: {
    readonly queue: string
    readonly workerId: string
    readonly limit: number
    readonly leaseMillis: number
  }) => Effect.Effect<ExchangeReply, StoreError>
  /** Gives jobs back unrun, now or as soon as the store can be reached; no attempt counts. */
  readonly giveBack: (queue: string, held: ReadonlyArray<Held>) => Effect.Effect<void>
  /** Takes names that were not used for long off the lists of their queues; all of them at the end. */
  readonly tidy: (everything: boolean) => Effect.Effect<void>
}

export const makeClaims = (
  store: JobStore["Service"],
  control: QueueControl["Service"],
  server: string,
  monotonicMillis: () => number,
  scope: Scope.Scope
): Claims => {
  const all = new Map<string, Claimers>()
  let lastNumber = 0

  const take = (queue: string, workerId: string): readonly [Claimers, Claimer] => {
    const key = `${queue}\n${workerId}`
    let claimers = all.get(key)
    if (claimers === undefined) {
      claimers = { queue, free: [], taken: new Set() }
      all.set(key, claimers)
    }
    let claimer = claimers.free.pop()
    if (claimer === undefined) {
      let index = 0
      while (claimers.taken.has(index)) index++
      claimer = { index, name: claimerName(workerId, server, index), usedAt: 0 }
    }
    claimers.taken.add(claimer.index)
    return [claimers, claimer]
  }

  const putBack = (claimers: Claimers, claimer: Claimer): void => {
    claimer.usedAt = monotonicMillis()
    claimers.taken.delete(claimer.index)
    claimers.free.push(claimer)
  }

  const release = (queue: string, held: ReadonlyArray<Held>) =>
    store.exchange({
      queue,
      worker: server,
      settlements: held.map(({ jobId, token }) => ({ _tag: "Release", jobId, token, delayMillis: 0 }))
    })

  const giveBack: Claims["giveBack"] = (queue, held) =>
    held.length === 0
      ? Effect.void
      : release(queue, held).pipe(
          Effect.tap(() =>
            Effect.logInfo(`queue ${queue}: ${held.length} jobs did not reach their worker and wait again`)
          ),
          Effect.catch(() => Effect.forkIn(Effect.retry(release(queue, held), backoff), scope)),
          Effect.asVoid,
          Effect.uninterruptible
        )

  /** Asks again with the same number, which hands out the same jobs, and gives them back. */
  const recover = (request: ExchangeRequest) =>
    store.exchange(request).pipe(
      Effect.retry(backoff),
      Effect.orDie,
      Effect.flatMap(({ claimed }) =>
        giveBack(
          request.queue,
          claimed.map(({ id, token }) => ({ jobId: id, token }))
        )
      )
    )

  return {
    claim: ({ leaseMillis, limit, queue, workerId }) =>
      Effect.suspend(() => {
        const [claimers, claimer] = take(queue, workerId)
        const claim = { number: ++lastNumber, limit, leaseMillis }
        const request = { queue, worker: claimer.name, settlements: [], claim }
        return store.exchange(request).pipe(
          Effect.onExit((exit) => {
            if (exit._tag === "Success" || !isUnknown(exit.cause)) return Effect.sync(() => putBack(claimers, claimer))
            return recover(request).pipe(
              Effect.ensuring(Effect.sync(() => putBack(claimers, claimer))),
              Effect.forkIn(scope),
              Effect.asVoid
            )
          })
        )
      }).pipe(Effect.uninterruptible),
    giveBack,
    tidy: (everything) =>
      Effect.gen(function* () {
        const before = monotonicMillis() - (everything ? -1 : idleMillis)
        for (const [key, claimers] of all) {
          const idle = claimers.free.filter(({ usedAt }) => usedAt < before)
          claimers.free.splice(0, claimers.free.length, ...claimers.free.filter(({ usedAt }) => usedAt >= before))
          if (claimers.free.length === 0 && claimers.taken.size === 0) all.delete(key)
          for (const { name } of idle) yield* control.removeWorker(claimers.queue, name)
        }
      }).pipe(Effect.catch((error) => Effect.logDebug(`workers are still listed: ${error.message}`)))
  }
}
