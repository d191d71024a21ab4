import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Cron from "../../domain/Cron.ts"
import type { EpochMillis, JobId } from "../../domain/Job.ts"
import type { Missed, Overlap } from "../../domain/Schedule.ts"
import { type ScheduleRecord, ScheduleStore } from "../../ports/ScheduleStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { ScheduleUnreadable } from "./errors.ts"
import { readAll } from "./reconcile.ts"
import { readable, type Readable } from "./Ticker.ts"

/** A schedule as it stands. Times are epoch milliseconds by the store's clock. */
export interface ScheduleView {
  readonly name: string
  readonly queue: string
  /** The task its jobs are of. */
  readonly kind: string
  /** Whose declaration it belongs to; absent for one that was added by itself. */
  readonly group?: string
  readonly when: Cron.PlainWhen
  readonly missed: Missed
  readonly overlap: Overlap
  readonly priority: number
  readonly maxAttempts: number
  readonly tags: ReadonlyArray<string>
  /** The encoded payload of its jobs. */
  readonly payload: string
  /** How long a job's record is kept after completion or cancellation, in milliseconds. */
  readonly retainMillis: number
  /** How long after its tick a job expires, in milliseconds; absent when it does not. */
  readonly expiresMillis?: number
  readonly paused: boolean
  /** Absent while it is paused. */
  readonly next?: EpochMillis
  /** Ticks that stored a job. */
  readonly runs: number
  /** Ticks that stored none: missed, or while an earlier job had not ended. */
  readonly skipped: number
  /** The latest tick that stored a job, and that job. */
  readonly lastTick?: EpochMillis
  readonly lastJobId?: JobId
  /** The latest job that was asked for by hand. */
  readonly triggeredJobId?: JobId
}

/** A schedule that cannot be read here, as far as it is known without its definition. */
export interface UnreadableSchedule extends Omit<ScheduleRecord, "definition" | "version"> {
  readonly problem: string
}

export const read = (record: ScheduleRecord): Effect.Effect<Readable, ScheduleUnreadable> =>
  Result.match(readable(record), {
    onFailure: (problem) => Effect.fail(new ScheduleUnreadable({ schedule: record.name, problem })),
    onSuccess: Effect.succeed
  })

export const view = (record: ScheduleRecord): Effect.Effect<ScheduleView, ScheduleUnreadable> =>
  Effect.map(read(record), ({ definition }) => {
    const { definition: _, version: __, ...counted } = record
    return { ...counted, ...definition, tags: definition.tags ?? [] }
  })

interface Listed {
  readonly schedules: ReadonlyArray<ScheduleView>
  readonly unreadable: ReadonlyArray<UnreadableSchedule>
}

/** Every schedule, or those of a queue or a group, by name; of those that cannot be read here nobody knows the group. */
export const listed = Effect.fnUntraced(function* (filter: {
  readonly queue?: string
  readonly group?: string
}): Effect.fn.Return<Listed, StoreError, ScheduleStore> {
  const store = yield* ScheduleStore
  const schedules: Array<ScheduleView> = []
  const unreadable: Array<UnreadableSchedule> = []
  const records = [...(yield* readAll(store, filter.queue)).values()]
  for (const record of records.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const seen = yield* Effect.result(view(record))
    if (Result.isFailure(seen)) {
      const { definition: _, version: __, ...known } = record
      unreadable.push({ ...known, problem: seen.failure.problem })
    } else if (filter.group === undefined || seen.success.group === filter.group) schedules.push(seen.success)
  }
  return { schedules, unreadable }
})
