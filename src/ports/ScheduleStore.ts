import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { EpochMillis, JobId } from "../domain/Job.ts"
import type { Overlap } from "../domain/Schedule.ts"
import type { NewJob } from "./JobStore.ts"
import type { StoreError } from "./StoreError.ts"

/** A schedule as a store keeps it. */
export interface ScheduleRecord {
  readonly name: string
  /** Where it lives, and where its jobs go. */
  readonly queue: string
  /** Changes with every `put`, and is never given twice in a queue. */
  readonly version: number
  /** Opaque text: a backend never looks inside. */
  readonly definition: string
  /** The next tick; absent while it is paused, or when there is none. */
  readonly next?: EpochMillis
  readonly paused: boolean
  /** Ticks that stored a job. */
  readonly runs: number
  /** Ticks that stored none, having been missed, or for an earlier job that had not ended. */
  readonly skipped: number
  /** The latest tick that stored a job, and that job. */
  readonly lastTick?: EpochMillis
  readonly lastJobId?: JobId
  /** The latest job that was asked for by hand. */
  readonly triggeredJobId?: JobId
}

/** A schedule to be added or replaced. */
export interface PutSchedule {
  readonly name: string
  readonly queue: string
  /** The version this is meant to replace; absent: there must be none. */
  readonly version?: number
  readonly definition: string
  /** Left out: stays as it is. */
  readonly paused?: boolean
  /** The next tick; `keep` leaves it as it is, `none` takes it away. */
  readonly next: EpochMillis | "keep" | "none"
}

/** A tick to be carried out. It counts only while the schedule still has this version and expects this tick. */
export interface Tick {
  readonly queue: string
  readonly name: string
  readonly version: number
  readonly expected: EpochMillis
  /** The tick that comes after; absent when there is none. */
  readonly next?: EpochMillis
  /** Ticks passed over, besides what `overlap` decides. */
  readonly skipped: number
  /** The tick that stores a job, and the job; absent when all are skipped. */
  readonly fire?: { readonly tick: EpochMillis; readonly job: NewJob }
  readonly overlap: Overlap
}

/**
 * `fired`: its job is stored. `skipped`: there was none. `overlap`: an earlier job of the schedule has not ended.
 * `moved`: the schedule is not there, has changed, or another process was first; nothing was done.
 */
export type TickOutcome = "fired" | "skipped" | "overlap" | "moved"

/** What is due in a queue, by the store's clock. */
export interface DueSchedules {
  readonly now: EpochMillis
  /** The first tick of all, due or not; absent when there is none. */
  readonly next?: EpochMillis
  readonly due: ReadonlyArray<ScheduleRecord>
}

/** Schedules of a queue. */
export interface SchedulePage {
  readonly schedules: ReadonlyArray<ScheduleRecord>
  /** Present when there may be more. */
  readonly cursor?: string
}

/**
 * Keeps schedules, each with the queue its jobs go to, so that a tick is one step. Names are unique over all queues.
 *
 * **Ref** docs/semantics.md SCHED-1..14
 * @category schedules
 * @since 0.1.0
 */
export class ScheduleStore extends Context.Service<
  ScheduleStore,
  {
    /** Every queue that has a schedule, or had one. */
    readonly queues: Effect.Effect<ReadonlyArray<string>, StoreError>
    /** Schedules of a queue whose next tick has come, soonest first, at most `limit`. */
    readonly due: (queue: string, limit: number) => Effect.Effect<DueSchedules, StoreError>
    /** Carries a tick out, or finds that it was. **Ref** SCHED-1, SCHED-5 */
    readonly tick: (tick: Tick) => Effect.Effect<TickOutcome, StoreError>
    /** Stores a job of a schedule besides its ticks; repeated with the same job id, it stores it once. Answers whether
     * the schedule still has the version. **Ref** SCHED-8 */
    readonly trigger: (request: {
      readonly queue: string
      readonly name: string
      readonly version: number
      readonly job: NewJob
    }) => Effect.Effect<boolean, StoreError>
    /** The schedule of a name, wherever it lives, and the store's clock. */
    readonly find: (
      name: string
    ) => Effect.Effect<{ readonly now: EpochMillis; readonly schedule: Option.Option<ScheduleRecord> }, StoreError>
    /**
     * Adds or replaces a schedule; counters stay. Answers whether it found the version it was meant to replace: false
     * changes nothing. What has no version to replace is added, and taken out of the queue it was in before.
     */
    readonly put: (request: PutSchedule) => Effect.Effect<boolean, StoreError>
    /** Answers whether it was there. */
    readonly remove: (name: string) => Effect.Effect<boolean, StoreError>
    /** Schedules of a queue, in no order; one that stays is in some page, and may be in two. */
    readonly list: (queue: string, cursor?: string) => Effect.Effect<SchedulePage, StoreError>
    /**
     * Waits until something was put through this very service after `since` was its count; answers the new count. What
     * other processes put does not show here.
     */
    readonly changed: (since: number) => Effect.Effect<number>
  }
>()("winterq/ports/ScheduleStore") {}
