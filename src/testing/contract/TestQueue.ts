import { isDeepStrictEqual } from "node:util"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { JobId, JobState } from "../../domain/Job.ts"
import { type DeadSelection, DeadLetterStore } from "../../ports/DeadLetterStore.ts"
import {
  type ClaimRequest,
  type ExchangeRequest,
  JobStore,
  type NewJob,
  type PrunePolicy,
  type Settlement
} from "../../ports/JobStore.ts"
import { type ListRequest, QueueControl } from "../../ports/QueueControl.ts"
import { Wakeups } from "../../ports/Wakeups.ts"
import { type Held, ids, keepAll } from "./support.ts"

/** Left out: the worker is `worker`, and every claim has the next number. */
export interface ClaimOptions extends Partial<ClaimRequest> {
  readonly worker?: string
}

export interface ExchangeOptions extends Partial<Pick<ExchangeRequest, "worker" | "settlements">> {
  readonly claim?: Partial<ClaimRequest>
}

/** No job appears or vanishes uncounted (COUNT-2). */
export const assertConserved = Effect.fnUntraced(function* (queue: string) {
  const control = yield* QueueControl
  let counters = yield* control.counters(queue)
  // depths and counters are two reads: only when nothing has happened between them do they belong together
  for (let i = 0; i < 100; i++) {
    const depths = yield* control.depths(queue)
    const after = yield* control.counters(queue)
    if (!isDeepStrictEqual(counters, after)) {
      counters = after
      continue
    }
    const stored = Object.values(depths).reduce((sum, depth) => sum + depth, 0)
    const { enqueued, removed } = counters
    assert.strictEqual(enqueued, stored + removed, "COUNT-2: enqueued is the sum of all depths plus removed")
    return
  }
  assert.fail("the queue never came to rest")
})

const wholeExchange = (number: number, { claim, settlements = [], worker = "worker" }: ExchangeOptions) => ({
  worker,
  settlements,
  ...(claim === undefined ? {} : { claim: { number, limit: 1000, leaseMillis: 30_000, ...claim } })
})

/** A queue of one test, for tests to read well. Every change is followed by `assertConserved`. */
export const makeQueue = Effect.fnUntraced(function* (name: string) {
  const store = yield* JobStore
  const control = yield* QueueControl
  const deadLetters = yield* DeadLetterStore
  const wakeups = yield* Wakeups
  let lastNumber = 0

  const conserved = <A, E, R>(step: Effect.Effect<A, E, R>) =>
    Effect.tap(step, () => Effect.provideService(assertConserved(name), QueueControl, control))

  const exchange = (options: ExchangeOptions) =>
    conserved(
      Effect.suspend(() => {
        const request = wholeExchange(lastNumber + 1, options)
        lastNumber = Math.max(lastNumber, request.claim?.number ?? 0)
        return store.exchange({ queue: name, ...request })
      })
    )

  const claim = ({ worker, ...request }: ClaimOptions = {}) =>
    Effect.map(exchange({ claim: request, ...(worker === undefined ? {} : { worker }) }), ({ claimed }) => claimed)

  const get = (id: JobId) => store.get(name, id)

  const state = (id: JobId) => Effect.map(get(id), Option.match({ onNone: () => "none", onSome: (job) => job.state }))

  const list = (request: Omit<ListRequest, "queue">) => control.list({ queue: name, ...request })

  /** Ids of all pages from a cursor on. */
  const listFrom = Effect.fnUntraced(function* (state: JobState, limit: number, start?: string) {
    const listed: Array<JobId> = []
    let cursor = start
    do {
      const page = yield* list({ state, limit, ...(cursor === undefined ? {} : { cursor }) })
      assert.isAtMost(page.jobs.length, limit)
      listed.push(...ids(page.jobs))
      cursor = page.cursor
    } while (cursor !== undefined)
    return listed
  })

  return {
    name,
    enqueue: (...jobs: ReadonlyArray<NewJob>) => conserved(store.enqueue(name, jobs)),
    exchange,
    claim,
    /** Claims exactly one job. */
    claimOne: (options: ClaimOptions = {}) =>
      Effect.map(claim({ limit: 1, ...options }), (claimed) => {
        assert.lengthOf(claimed, 1)
        return claimed[0]!
      }),
    /** Settles without claiming. */
    settle: (...settlements: ReadonlyArray<Settlement>) =>
      Effect.map(exchange({ settlements }), ({ settled }) => settled),
    /** Answers whether each lease is still held. */
    extend: (leaseMillis: number, ...leases: ReadonlyArray<Held>) =>
      Effect.map(
        conserved(
          store.extendLeases({
            queue: name,
            worker: "worker",
            leases: leases.map(({ id, token }) => ({ jobId: id, token })),
            leaseMillis
          })
        ),
        (statuses) => statuses.map((status) => status !== "lost")
      ),
    promote: (limit: number) => conserved(store.promote(name, limit)),
    removeQueue: control.removeQueue(name),
    runNow: (...jobIds: ReadonlyArray<JobId>) => conserved(control.runNow(name, jobIds)),
    rescue: (limit: number) => conserved(store.rescue(name, limit)),
    prune: (policy: Partial<PrunePolicy> = {}) => conserved(store.prune(name, { ...keepAll, ...policy })),
    redrive: (selection: DeadSelection) => conserved(deadLetters.redrive(name, selection)),
    purge: (selection: DeadSelection) => conserved(deadLetters.purge(name, selection)),
    pause: conserved(control.pause(name)),
    resume: conserved(control.resume(name)),
    isPaused: control.isPaused(name),
    get,
    /** Reads a job that must be stored. */
    read: (id: JobId) => Effect.map(get(id), Option.getOrThrow),
    state,
    states: (...some: ReadonlyArray<JobId>) => Effect.forEach(some, state),
    depths: control.depths(name),
    counters: control.counters(name),
    list,
    listFrom,
    /** What a change of a job would show in. */
    snapshot: (id: JobId) =>
      Effect.all({ job: get(id), depths: control.depths(name), counters: control.counters(name) }),
    listen: (...others: ReadonlyArray<string>) => wakeups.subscribe([name, ...others])
  }
})

export type TestQueue = Effect.Success<ReturnType<typeof makeQueue>>
