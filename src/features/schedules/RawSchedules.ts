import * as Effect from "effect/Effect"
import type * as Cron from "../../domain/Cron.ts"
import { type RawJob, rawTask } from "../client/RawJobs.ts"
import { ScheduleStore } from "../../ports/ScheduleStore.ts"
import { type EntryChoices, planOne } from "./Entry.ts"
import { ScheduleExists } from "./errors.ts"
import { put } from "./put.ts"

export { listed, type UnreadableSchedule } from "./view.ts"

/** A schedule that comes from outside, its payload encoded already: the kind of its jobs need not be known here. */
export interface RawSchedule extends Pick<RawJob, "kind" | "payload" | "retentionMillis"> {
  readonly name: string
  /** Of the shard in which it lives, when its queue is a sharded one; else that is told by its name. */
  readonly orderKey?: string
  readonly options: Cron.When & EntryChoices
}

/**
 * Puts a schedule of no group into force, as `Schedules.upsert` does, or as `Schedules.add` with `onlyNew`; by the same
 * rules and limits.
 *
 * **Errors** those of `Schedules.upsert`, with fields as the options spell them; `ScheduleExists` with `onlyNew`.
 * **Ref** docs/semantics.md SCHED-9, SCHED-11
 */
export const putRaw = Effect.fnUntraced(function* (
  { name, options, orderKey, payload, ...job }: RawSchedule,
  { maxPayloadBytes, onlyNew }: { readonly maxPayloadBytes: number; readonly onlyNew: boolean }
) {
  const store = yield* ScheduleStore
  const planned = yield* planOne(
    { name, task: Object.assign(rawTask(job), { orderBy: () => orderKey }), options: { ...options, payload } },
    undefined,
    maxPayloadBytes
  )
  const done = yield* put(store, planned, onlyNew)
  if (onlyNew && done === "unchanged") return yield* Effect.fail(new ScheduleExists({ schedule: name }))
  return done
})
