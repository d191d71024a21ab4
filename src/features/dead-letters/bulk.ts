import * as Effect from "effect/Effect"
import type { JobId } from "../../domain/Job.ts"
import { type AnyQueue, checkAnyQueue, shardsOf } from "../../domain/Sharded.ts"
import type { QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import type { FilteredPage } from "../inspector/FilteredPage.ts"

/** Jobs looked at by one step of a bulk action, so that no step holds up the store. */
export const stepJobs = 500

/** How a bulk action goes, and where it goes on. */
export interface BulkOptions {
  /** Matching jobs at most, from 1; all when left out. */
  readonly limit?: number
  /** Where an earlier call ended, or a report of its progress; the newest when left out. */
  readonly cursor?: string | undefined
  /** Only counts what matches. */
  readonly dryRun?: boolean
  /** Told after every step, with what was done so far. */
  readonly onProgress?: (soFar: BulkReport) => Effect.Effect<void>
}

/** What a bulk action did. `matched` is `done` plus what was skipped, except in a dry run, which does nothing. */
export interface BulkReport {
  /** Dead letters looked at. */
  readonly looked: number
  readonly matched: number
  readonly done: number
  /** Matched, and not done: redriven or removed by somebody else meanwhile, or their unique key is held by another. */
  readonly skipped: { readonly "not-dead": number; readonly "key-taken": number }
  /** Where to go on; absent when all were looked at. */
  readonly cursor?: string
}

/** Reads matching dead letters of a queue, newest death first. */
export type Pages = (
  queue: string,
  options: { readonly cursor: string | undefined; readonly limit: number }
) => Effect.Effect<FilteredPage, StoreError, QueueControl>

interface Step {
  readonly done: number
  readonly "not-dead": number
  readonly "key-taken": number
}

const nothing: Step = { done: 0, "not-dead": 0, "key-taken": 0 }

/** Where a bulk action is: in which shard, and where in it; absent at its beginning. */
interface Place {
  readonly shard: number
  readonly cursor: string | undefined
}

/** The store refuses it. */
const noCursor = ""

// the cursors of a plain queue are those of its list
const placeOf = (queue: AnyQueue, cursor: string | undefined): Place => {
  if (typeof queue === "string" || cursor === undefined) return { shard: 0, cursor }
  const [, shard, within] = /^(\d+):(.*)$/.exec(cursor) ?? []
  if (shard === undefined || Number(shard) >= queue.shards) return { shard: 0, cursor: noCursor }
  return { shard: Number(shard), cursor: within === "" ? undefined : within }
}

const cursorOf = (queue: AnyQueue, { cursor, shard }: Place): string | undefined =>
  typeof queue === "string" ? cursor : `${shard}:${cursor ?? ""}`

/** The queue, or its shards; dies of a queue that cannot be. */
export const partsOf = (queue: AnyQueue): Effect.Effect<ReadonlyArray<string>> =>
  typeof queue === "string"
    ? Effect.succeed([queue])
    : Effect.map(Effect.orDie(Effect.fromResult(checkAnyQueue(queue))), () => shardsOf(queue))

/** Acts on what matches, shard after shard, in steps. */
export const bulk = (
  queue: AnyQueue,
  pages: Pages,
  { cursor, dryRun = false, limit = Number.POSITIVE_INFINITY, onProgress }: BulkOptions,
  act: (shard: string, jobIds: ReadonlyArray<JobId>) => Effect.Effect<Step, StoreError>
): Effect.Effect<BulkReport, StoreError, QueueControl> =>
  Effect.gen(function* () {
    const shards = yield* partsOf(queue)
    let place = placeOf(queue, cursor)
    let report: BulkReport = {
      ...{ looked: 0, matched: 0, done: 0, skipped: { "not-dead": 0, "key-taken": 0 } },
      ...(cursor === undefined ? {} : { cursor })
    }
    while (place.shard < shards.length && limit > report.matched) {
      const shard = shards[place.shard]!
      const page: FilteredPage = yield* pages(shard, {
        cursor: place.cursor,
        limit: Math.min(stepJobs, Math.ceil(limit - report.matched))
      })
      const ids = page.jobs.map(({ id }) => id)
      const step = dryRun || ids.length === 0 ? nothing : yield* act(shard, ids)
      place =
        page.cursor === undefined
          ? { shard: place.shard + 1, cursor: undefined }
          : { shard: place.shard, cursor: page.cursor }
      const next = place.shard < shards.length ? cursorOf(queue, place) : undefined
      report = {
        looked: report.looked + page.looked,
        matched: report.matched + ids.length,
        done: report.done + step.done,
        skipped: {
          "not-dead": report.skipped["not-dead"] + step["not-dead"],
          "key-taken": report.skipped["key-taken"] + step["key-taken"]
        },
        ...(next === undefined ? {} : { cursor: next })
      }
      if (onProgress !== undefined) yield* onProgress(report)
    }
    return report
  })
