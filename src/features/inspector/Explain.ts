import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { DeadReason, EpochMillis, Job, JobId } from "../../domain/Job.ts"
import type { JobStore } from "../../ports/JobStore.ts"
import { QueueControl, type RateLimit } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import * as Inspector from "./Inspector.ts"

/** Pending jobs looked at to find a job's place, at most. */
const maxAhead = 1000

/** How many pending jobs are read at once. */
const pageJobs = 200

/** One thing that keeps a pending job from being started. */
export type Obstacle =
  /** Its queue hands out nothing. */
  | { readonly _tag: "Paused" }
  /** Nobody alive serves its queue; `silent` workers were heard of within two days. */
  | { readonly _tag: "NoWorker"; readonly silent: number }
  /** The workers that serve its queue take no more jobs: they are about to stop. */
  | { readonly _tag: "WorkersStopping"; readonly workers: number }
  /** The workers that serve its queue have no handler for its kind: they put it off again and again. */
  | { readonly _tag: "NoHandler"; readonly kind: string; readonly workers: number }
  /** As many jobs of its queue are active as may be. */
  | { readonly _tag: "AtLimit"; readonly active: number; readonly maxActive: number }
  /** All workers run as many handlers as they may. */
  | { readonly _tag: "WorkersBusy"; readonly workers: number; readonly running: number; readonly concurrency: number }
  /** Its kind may only start so often; beyond that its jobs wait in their place. */
  | { readonly _tag: "RateLimited"; readonly kind: string; readonly limit: RateLimit }
  /** Other pending jobs are claimed before it: `ahead`, or more when `atLeast`. Those with a lower priority number: `urgent`. */
  | { readonly _tag: "Behind"; readonly ahead: number; readonly urgent: number; readonly atLeast: boolean }
  /** Its time to start is over, so the next claim cancels it. */
  | { readonly _tag: "Expired"; readonly expiresAt: EpochMillis }

/** Why a job is not running, or what became of it. Times are epoch milliseconds by the store's clock. */
export type Explanation =
  /** No queue has it: it never was, or it has ended and nothing of it is kept. */
  | { readonly _tag: "Missing"; readonly jobId: JobId }
  /** It waits for its time, which is over when `inMillis` is 0: then it waits for whoever promotes it. */
  | {
      readonly _tag: "Scheduled"
      readonly job: Job
      readonly visibleAt: EpochMillis
      readonly inMillis: number
      readonly workers: number
      /** Present when none of these workers has a handler for its kind. */
      readonly noHandler?: true
    }
  /** It has failed and waits for its next attempt. */
  | {
      readonly _tag: "Retrying"
      readonly job: Job
      readonly visibleAt: EpochMillis
      readonly inMillis: number
      readonly workers: number
      readonly noHandler?: true
      readonly lastError: string
    }
  /** It may be claimed; without obstacles it is about to be. */
  | { readonly _tag: "Pending"; readonly job: Job; readonly obstacles: ReadonlyArray<Obstacle> }
  /** It runs. Its lease is over when `leaseLeftMillis` is 0: then it is about to be taken back. */
  | {
      readonly _tag: "Active"
      readonly job: Job
      readonly worker: string
      readonly leaseExpiresAt: EpochMillis
      readonly leaseLeftMillis: number
      /** Whether its worker was heard of lately. */
      readonly workerAlive: boolean
      readonly cancelRequested?: string
    }
  | {
      readonly _tag: "Ended"
      readonly job: Job
      readonly state: "completed" | "cancelled" | "dead"
      readonly finishedAt: EpochMillis
      readonly reason?: DeadReason | "expired" | "cancelled"
      readonly error?: string
    }

/** What is known of a job and its queue when it is explained. */
export interface Known {
  readonly job: Job
  readonly queue: Inspector.QueueView
  readonly workers: ReadonlyArray<Inspector.WorkerView>
  /** Pending jobs that are claimed before it. */
  readonly ahead: { readonly jobs: ReadonlyArray<Pick<Job, "priority">>; readonly all: boolean }
  readonly now: EpochMillis
}

/** Whether all of some workers say what they handle, and none of them this kind. */
const isUnhandled = (kind: string, workers: ReadonlyArray<Inspector.WorkerView>): boolean =>
  workers.length > 0 && workers.every(({ details }) => details?.handles?.includes(kind) === false)

const obstaclesOf = ({ ahead, job, now, queue, workers }: Known): ReadonlyArray<Obstacle> => {
  const obstacles: Array<Obstacle> = []
  const alive = workers.filter((worker) => worker.alive)
  const claiming = alive.filter(({ details }) => details?.stopping !== true)
  const { maxActive } = queue.limits
  if (job.expiresAt !== undefined && job.expiresAt <= now) {
    obstacles.push({ _tag: "Expired", expiresAt: job.expiresAt })
  }
  if (queue.paused) obstacles.push({ _tag: "Paused" })
  if (alive.length === 0) obstacles.push({ _tag: "NoWorker", silent: workers.length })
  else if (claiming.length === 0) obstacles.push({ _tag: "WorkersStopping", workers: alive.length })
  else if (isUnhandled(job.kind, claiming)) {
    obstacles.push({ _tag: "NoHandler", kind: job.kind, workers: claiming.length })
  }
  if (maxActive !== undefined && queue.depths.active >= maxActive) {
    obstacles.push({ _tag: "AtLimit", active: queue.depths.active, maxActive })
  }
  const telling = claiming.flatMap(({ details }) => (details === undefined ? [] : [details]))
  const running = telling.reduce((sum, details) => sum + details.running, 0)
  const concurrency = telling.reduce((sum, details) => sum + details.concurrency, 0)
  if (telling.length > 0 && telling.length === claiming.length && running >= concurrency) {
    obstacles.push({ _tag: "WorkersBusy", workers: telling.length, running, concurrency })
  }
  const limit = queue.rateLimits[job.kind]
  if (limit !== undefined) obstacles.push({ _tag: "RateLimited", kind: job.kind, limit })
  if (ahead.jobs.length > 0) {
    obstacles.push({
      _tag: "Behind",
      ahead: ahead.jobs.length,
      urgent: ahead.jobs.filter(({ priority }) => priority < job.priority).length,
      atLeast: !ahead.all
    })
  }
  return obstacles
}

/** Decides what to say, given what is known; the same answer for the same knowledge. */
export const decide = (known: Known): Explanation => {
  const { job, now, workers } = known
  const last = job.failures.at(-1)
  const waiting = () => {
    const alive = workers.filter((worker) => worker.alive)
    return {
      job,
      visibleAt: job.visibleAt ?? now,
      inMillis: Math.max(0, (job.visibleAt ?? now) - now),
      workers: alive.length,
      ...(isUnhandled(job.kind, alive) ? { noHandler: true as const } : {})
    }
  }
  switch (job.state) {
    case "scheduled":
      return { _tag: "Scheduled", ...waiting() }
    case "retry":
      return { _tag: "Retrying", ...waiting(), lastError: last?.error ?? "" }
    case "pending":
      return { _tag: "Pending", job, obstacles: obstaclesOf(known) }
    case "active": {
      const leaseExpiresAt = job.leaseExpiresAt ?? now
      const holder = job.worker ?? ""
      return {
        ...{ _tag: "Active", job, worker: holder, leaseExpiresAt },
        leaseLeftMillis: Math.max(0, leaseExpiresAt - now),
        workerAlive: workers.some(({ alive, id }) => alive && id === holder),
        ...(job.cancelRequested === undefined ? {} : { cancelRequested: job.cancelRequested })
      }
    }
    case "completed":
      return { _tag: "Ended", job, state: "completed", finishedAt: job.finishedAt ?? now }
    case "cancelled":
      return {
        ...{ _tag: "Ended", job, state: "cancelled", finishedAt: job.finishedAt ?? now },
        reason: last?.outcome === "expired" ? "expired" : "cancelled",
        ...(last === undefined ? {} : { error: last.error })
      }
    case "dead":
      return {
        ...{ _tag: "Ended", job, state: "dead", finishedAt: job.finishedAt ?? now },
        ...(job.deadReason === undefined ? {} : { reason: job.deadReason }),
        ...(last === undefined ? {} : { error: last.error })
      }
  }
}

/** The pending jobs before this one, as far as there is patience to look. */
const aheadOf = Effect.fnUntraced(function* ({ id, queue }: Job) {
  const control = yield* QueueControl
  const before: Array<Job> = []
  let cursor: string | undefined
  do {
    const page = yield* control.list({
      queue,
      state: "pending",
      limit: pageJobs,
      ...(cursor === undefined ? {} : { cursor })
    })
    const place = page.jobs.findIndex((job) => job.id === id)
    before.push(...(place === -1 ? page.jobs : page.jobs.slice(0, place)))
    if (place !== -1) return { jobs: before, all: true }
    cursor = page.cursor
  } while (cursor !== undefined && before.length < maxAhead)
  // it was claimed meanwhile, or stands behind more jobs than are looked at
  return cursor === undefined ? { jobs: [], all: true } : { jobs: before, all: false }
})

/**
 * Tells why a job is not running, or what became of it.
 *
 * **Shape** Of the first queue by name that has the job, or of the one given. What is told of the job, its queue, its
 * place and the workers is read one after another, so the parts may be a moment apart.
 * **Errors** `StoreError`
 * **Example** examples/inspector.ts
 * **Ref** docs/semantics.md EXPLAIN-1..7
 * @category jobs
 * @since 0.1.0
 */
export const explain = (id: JobId, queue?: string): Effect.Effect<Explanation, StoreError, JobStore | QueueControl> =>
  Effect.gen(function* () {
    const found = yield* queue === undefined ? Inspector.find(id) : Inspector.job(queue, id)
    if (Option.isNone(found)) return { _tag: "Missing", jobId: id } as const
    const { job } = found.value
    const [view, workers, ahead] = yield* Effect.all([
      Inspector.queue(job.queue),
      Inspector.workers(job.queue),
      job.state === "pending" ? aheadOf(job) : Effect.succeed({ jobs: [], all: true })
    ])
    return decide({ job, queue: view, workers, ahead, now: yield* Clock.currentTimeMillis })
  })
