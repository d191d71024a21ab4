import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { EpochMillis, Job, JobId, JobState } from "../../domain/Job.ts"
import { add, type Latency, latencyOf, noSample, type Sample } from "../../domain/Latency.ts"
import { type AnyQueue, checkAnyQueue, nameOf, shardsOf } from "../../domain/Sharded.ts"
import { JobStore } from "../../ports/JobStore.ts"
import {
  type Counters,
  type Depths,
  QueueControl,
  type QueueLimits,
  type RateLimit,
  type WorkerRecord
} from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { decode, type WorkerReport } from "../worker/WorkerReport.ts"
import * as FilteredPage from "./FilteredPage.ts"

export { pause, removeQueue, resume, runNow, setLimits, setRateLimit } from "./steering.ts"
export type { Latency } from "../../domain/Latency.ts"
export type { FilteredPage } from "./FilteredPage.ts"

/** Queues asked at the same time by whatever looks at all of them. */
const concurrency = 16

/** What a worker is taken to hold its leases for when it does not say: the default of `Worker.layer`. */
const defaultLeaseMillis = 30_000

/** The job of a queue that would be claimed next. */
export interface NextJob {
  readonly id: JobId
  readonly kind: string
  readonly enqueuedAt: EpochMillis
  /** Since it was due; what it spent between attempts is part of it. */
  readonly ageMillis: number
}

/** A queue as a whole. Its parts are read one after another, so they may be a moment apart. */
export interface QueueView {
  readonly name: string
  readonly paused: boolean
  readonly depths: Depths
  /** What happened since the queue was created. */
  readonly counters: Counters
  readonly limits: QueueLimits
  /** How often jobs of a kind may start, by kind. */
  readonly rateLimits: Readonly<Record<string, RateLimit>>
  /**
   * The first `pending` job in the order of claiming; absent when none is pending. Within a priority it is the oldest,
   * redriven jobs aside; jobs of a higher priority number may be older. Jobs that are due and not promoted yet do not
   * count; one whose kind is over its rate limit does.
   */
  readonly next?: NextJob
  /** Workers alive. */
  readonly workers: number
}

/** A sharded queue as the sum of its shards. */
export interface ShardedView {
  readonly name: string
  readonly depths: Depths
  readonly counters: Counters
  /** How many shards are paused. */
  readonly paused: number
  /** Workers alive, of whichever shards. */
  readonly workers: number
  /** One by one, in the order of their numbers. */
  readonly shards: ReadonlyArray<QueueView>
}

/** A job with its ledger (`job.failures`) and what its handler logged. */
export interface JobView {
  readonly job: Job
  /** The latest 100 lines, oldest first. */
  readonly logs: ReadonlyArray<string>
}

/** Which jobs, and how many at once. */
export interface JobsRequest {
  readonly queue: string
  readonly state: JobState
  /** Only jobs with this tag. */
  readonly tag?: string
  /** Only jobs of this kind. */
  readonly kind?: string
}

/** Which jobs to show, and how many at once. */
export interface JobsPageRequest extends JobsRequest {
  /** Where an earlier page ended; the first page when left out. */
  readonly cursor?: string | undefined
  /** Jobs in the page, from 1 to 1000; 50 when left out. */
  readonly limit?: number
  /** Jobs looked at for it, from 1 to 10 000; 1000 when left out. */
  readonly scan?: number
}

/** A job that a worker runs. */
export interface BusyJob {
  readonly queue: string
  readonly id: JobId
  readonly kind: string
  /** When its handler was started, by the worker's clock. */
  readonly since: EpochMillis
}

/** What was done in the minute before a worker's last sign of life. */
export interface Throughput {
  readonly completed: number
  /** Attempts that failed, whether another follows or not. */
  readonly failed: number
  readonly completedPerSecond: number
  readonly failedPerSecond: number
  /** From when a job was due to the start of its first attempt; absent when none started. */
  readonly wait?: Latency
  /** From start to end of attempts that completed or failed; absent when there were none. */
  readonly run?: Latency
  /** By kind, the busiest first. */
  readonly kinds: ReadonlyArray<{ readonly kind: string; readonly completed: number; readonly failed: number }>
}

/** What a worker said of itself last. Times are by its own clock. */
export interface WorkerDetails extends Throughput {
  readonly host: string
  readonly pid: number
  readonly startedAt: EpochMillis
  /** What it serves; the first 100. */
  readonly queues: ReadonlyArray<string>
  readonly concurrency: number
  readonly leaseMillis: number
  /** It finishes what it runs and claims nothing more. */
  readonly stopping: boolean
  /** The kinds that it has handlers for; absent when it does not say, or they are more than 100. */
  readonly handles?: ReadonlyArray<string>
  /** Handlers that run, for the queues asked about. */
  readonly running: number
  /** The jobs they run; at most 50 of each queue. */
  readonly jobs: ReadonlyArray<BusyJob>
}

/** A worker, as its queues and its own words show it. */
export interface WorkerView {
  readonly id: string
  /** When it was last heard of, by the store's clock. */
  readonly seenAt: EpochMillis
  /** Heard of within two of its leases; of 30 seconds when it does not say. */
  readonly alive: boolean
  /** Absent when it says nothing, or nothing that this version understands. */
  readonly details?: WorkerDetails
}

/** What the workers of a queue that are alive do, all together. */
export interface Rates extends Throughput {
  readonly queue: string
  /** Workers alive that say what they do. */
  readonly workers: number
}

/** A record of one queue, with what it says taken apart. */
interface Seen {
  readonly queue: string
  readonly record: WorkerRecord
  readonly report: WorkerReport | undefined
  readonly alive: boolean
}

const seenIn = (queue: string): Effect.Effect<ReadonlyArray<Seen>, StoreError, QueueControl> =>
  Effect.gen(function* () {
    const control = yield* QueueControl
    const records = yield* control.workers(queue)
    const now = yield* Clock.currentTimeMillis
    return records.map((record): Seen => {
      const report = decode(record.about)
      const leaseMillis = report?.leaseMillis ?? defaultLeaseMillis
      return { queue, record, report, alive: now - record.seenAt <= 2 * leaseMillis }
    })
  })

/** Over how many seconds a report's counts were gathered. */
const windowSeconds = ({ at, startedAt }: WorkerReport): number => Math.min(Math.max(1, (at - startedAt) / 1000), 60)

const total = (reports: ReadonlyArray<WorkerReport>, of: (report: WorkerReport) => number): number =>
  reports.reduce((sum, report) => sum + of(report), 0)

const sampleOf = (reports: ReadonlyArray<WorkerReport>, of: (report: WorkerReport) => Sample): Latency | undefined =>
  latencyOf(reports.reduce((sum, report) => add(sum, of(report)), noSample))

const throughputOf = (reports: ReadonlyArray<WorkerReport>): Throughput => {
  const kinds = new Map<string, { readonly kind: string; readonly completed: number; readonly failed: number }>()
  for (const { completed, failed, kind } of reports.flatMap((report) => report.kinds)) {
    const so = kinds.get(kind)
    kinds.set(kind, { kind, completed: completed + (so?.completed ?? 0), failed: failed + (so?.failed ?? 0) })
  }
  const wait = sampleOf(reports, (report) => report.wait)
  const run = sampleOf(reports, (report) => report.run)
  return {
    completed: total(reports, ({ completed }) => completed),
    failed: total(reports, ({ failed }) => failed),
    completedPerSecond: total(reports, (report) => report.completed / windowSeconds(report)),
    failedPerSecond: total(reports, (report) => report.failed / windowSeconds(report)),
    ...(wait === undefined ? {} : { wait }),
    ...(run === undefined ? {} : { run }),
    kinds: [...kinds.values()].toSorted(
      (a, b) => b.completed + b.failed - (a.completed + a.failed) || (a.kind < b.kind ? -1 : 1)
    )
  }
}

const detailsOf = (seen: ReadonlyArray<Seen>): WorkerDetails | undefined => {
  const told = seen.flatMap(({ queue, report }) => (report === undefined ? [] : [{ queue, report }]))
  const reports = told.map(({ report }) => report)
  const latest = reports.toSorted((a, b) => b.at - a.at)[0]
  if (latest === undefined) return undefined
  const { concurrency, handles, host, leaseMillis, pid, queues, startedAt, stopping } = latest
  return {
    ...{ host, pid, startedAt, queues, concurrency, leaseMillis, stopping },
    ...(handles === undefined ? {} : { handles }),
    running: total(reports, ({ running }) => running),
    jobs: told
      .flatMap(({ queue, report }) => report.jobs.map((job) => ({ queue, ...job })))
      .toSorted((a, b) => a.since - b.since),
    ...throughputOf(reports)
  }
}

/** One worker, as some of its queues know it. */
const viewOf = (id: string, seen: ReadonlyArray<Seen>): WorkerView => {
  const details = detailsOf(seen)
  return {
    id,
    seenAt: Math.max(...seen.map(({ record }) => record.seenAt)),
    alive: seen.some(({ alive }) => alive),
    ...(details === undefined ? {} : { details })
  }
}

const throughAll = <A, E, R>(
  look: (queue: string) => Effect.Effect<A, E, R>
): Effect.Effect<ReadonlyArray<A>, E | StoreError, R | QueueControl> =>
  QueueControl.use((control) => Effect.flatMap(control.queues, (names) => Effect.forEach(names, look, { concurrency })))

/**
 * Shows a queue: depths, counters, pause, limits, the job that would be claimed next, and how many workers are alive.
 *
 * **Shape** A queue that never took a job is shown empty.
 * **Units** Ages compare the store's times with Effect's Clock; they are never below 0.
 * **Example** examples/inspector.ts
 * **Ref** docs/semantics.md INSPECT-1, INSPECT-2, COUNT-1, COUNT-2
 * @category queues
 * @since 0.1.0
 */
export const queue = (name: string): Effect.Effect<QueueView, StoreError, QueueControl> =>
  Effect.gen(function* () {
    const control = yield* QueueControl
    const [depths, counters, paused, limits, rateLimits, pending, seen] = yield* Effect.all(
      [
        control.depths(name),
        control.counters(name),
        control.isPaused(name),
        control.limits(name),
        control.rateLimits(name),
        control.list({ queue: name, state: "pending", limit: 1 }),
        seenIn(name)
      ],
      { concurrency: "unbounded" }
    )
    const now = yield* Clock.currentTimeMillis
    const first = pending.jobs[0]
    return {
      ...{ name, paused, depths, counters, limits, rateLimits },
      ...(first === undefined
        ? {}
        : {
            next: {
              id: first.id,
              kind: first.kind,
              enqueuedAt: first.enqueuedAt,
              ageMillis: Math.max(0, now - first.dueAt)
            }
          }),
      workers: seen.filter(({ alive }) => alive).length
    }
  })

/**
 * Shows every queue, by name; 16 are asked at the same time.
 *
 * **Ref** docs/semantics.md INSPECT-1, LIST-3
 * @category queues
 * @since 0.1.0
 */
export const queues: Effect.Effect<ReadonlyArray<QueueView>, StoreError, QueueControl> = throughAll(queue)

const sumOf = <A extends Readonly<Record<keyof A, number>>>(parts: readonly [A, ...ReadonlyArray<A>]): A => {
  const sum: Record<keyof A, number> = { ...parts[0] }
  for (const part of parts.slice(1)) for (const name of Object.keys(part) as Array<keyof A>) sum[name] += part[name]
  return sum as A
}

/**
 * Shows a sharded queue: the sums over its shards, and each of them. 16 are asked at the same time.
 *
 * **Shape** `Inspector.sharded(OrderPaid.queue)`. A shard that never took a job is shown empty.
 * **Errors** dies of a queue that cannot be.
 * **Ref** docs/semantics.md SHARD-13
 * @category queues
 * @since 0.1.0
 */
export const sharded = (of: AnyQueue): Effect.Effect<ShardedView, StoreError, QueueControl> =>
  Effect.gen(function* () {
    yield* Effect.orDie(Effect.fromResult(checkAnyQueue(of)))
    const names = shardsOf(of)
    const shards = yield* Effect.forEach(names, queue, { concurrency })
    const seen = yield* Effect.forEach(names, seenIn, { concurrency })
    return {
      name: nameOf(of),
      depths: sumOf(shards.map(({ depths }) => depths) as [Depths, ...ReadonlyArray<Depths>]),
      counters: sumOf(shards.map(({ counters }) => counters) as [Counters, ...ReadonlyArray<Counters>]),
      paused: shards.filter(({ paused }) => paused).length,
      workers: new Set(seen.flat().flatMap(({ alive, record }) => (alive ? [record.id] : []))).size,
      shards
    }
  })

/**
 * Shows a job with its ledger and its log, or nothing when it is not stored.
 *
 * **Ref** docs/semantics.md INSPECT-3, ATTEMPT-6, NOTE-2
 * @category jobs
 * @since 0.1.0
 */
export const job = (queue: string, id: JobId): Effect.Effect<Option.Option<JobView>, StoreError, JobStore> =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const found = yield* store.get(queue, id)
    if (Option.isNone(found)) return Option.none()
    return Option.some({ job: found.value, logs: yield* store.logs(queue, id) })
  })

/**
 * Looks for a job in all queues, 16 at the same time, and shows it. An id may be in several queues: then it is the
 * first by name.
 *
 * **Ref** docs/semantics.md INSPECT-3
 * @category jobs
 * @since 0.1.0
 */
export const find = (id: JobId): Effect.Effect<Option.Option<JobView>, StoreError, JobStore | QueueControl> =>
  Effect.gen(function* () {
    const control = yield* QueueControl
    const names = yield* control.queues
    for (let from = 0; from < names.length; from += concurrency) {
      const some = names.slice(from, from + concurrency)
      const views = yield* Effect.forEach(some, (name) => job(name, id), { concurrency })
      const hit = views.find(Option.isSome)
      if (hit !== undefined) return hit
    }
    return Option.none()
  })

/**
 * Lists jobs of one state, a page at a time, of one kind or with one tag if asked.
 *
 * **Shape** In the order of `QueueControl.list`. `looked` tells how many jobs were looked at; a page may hold fewer
 * than `limit`, or none, and still have a `cursor`: then pass it to look at more.
 * **Ref** docs/semantics.md INSPECT-4, LIST-1, LIST-2
 * @category jobs
 * @since 0.1.0
 */
export const jobs = ({
  cursor,
  kind,
  limit = 50,
  queue,
  scan = 1000,
  state,
  tag
}: JobsPageRequest): Effect.Effect<FilteredPage.FilteredPage, StoreError, QueueControl> =>
  QueueControl.use((control) =>
    FilteredPage.read(
      control,
      { queue, state, cursor, limit: FilteredPage.within(limit, 1000), scan: FilteredPage.within(scan, 10_000) },
      (job) => (kind === undefined || job.kind === kind) && (tag === undefined || job.tags.includes(tag))
    )
  )

/**
 * Lists all jobs of one state, page after page as they are asked for.
 *
 * **Ref** docs/semantics.md INSPECT-4, LIST-2
 * @category jobs
 * @since 0.1.0
 */
export const jobsStream = (request: JobsRequest): Stream.Stream<Job, StoreError, QueueControl> =>
  Stream.paginate<string | undefined, Job, StoreError, QueueControl>(undefined, (cursor) =>
    Effect.map(jobs({ ...request, cursor }), (page) => [page.jobs, Option.fromNullishOr(page.cursor)] as const)
  )

/**
 * Shows the workers of a queue, or of all queues: whether they are alive, where they run, what they are busy with and
 * how fast they are.
 *
 * **Shape** By id. Of one queue: what they do for that queue. Of all: what they do for all queues that ever took a job
 * or a pause. A worker that was killed stays listed for two days, not alive; one that was stopped leaves at once.
 * **Units** Whether they are alive compares the store's time with Effect's Clock.
 * **Ref** docs/semantics.md INSPECT-5, INSPECT-6, WORKERS-1
 * @category queues
 * @since 0.1.0
 */
export const workers = (queue?: string): Effect.Effect<ReadonlyArray<WorkerView>, StoreError, QueueControl> =>
  Effect.map(queue === undefined ? throughAll(seenIn) : Effect.map(seenIn(queue), (seen) => [seen]), (perQueue) => {
    const byId = Map.groupBy(perQueue.flat(), ({ record }) => record.id)
    return Array.from(byId, ([id, seen]) => viewOf(id, seen)).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  })

/**
 * Tells how many jobs of a queue complete and fail per second, and how long they wait and run.
 *
 * **Shape** Summed over the workers alive, each for the minute before its last sign of life; one that started less
 * than a minute ago, for the time since.
 * **Ref** docs/semantics.md INSPECT-7
 * @category queues
 * @since 0.1.0
 */
export const rates = (queue: string): Effect.Effect<Rates, StoreError, QueueControl> =>
  Effect.map(seenIn(queue), (seen) => {
    const reports = seen.flatMap(({ alive, report }) => (alive && report !== undefined ? [report] : []))
    return { queue, workers: reports.length, ...throughputOf(reports) }
  })
