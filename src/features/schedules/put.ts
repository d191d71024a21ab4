import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Cron from "../../domain/Cron.ts"
import type { EpochMillis } from "../../domain/Job.ts"
import { decodeDefinition, encodeDefinition } from "../../domain/Schedule.ts"
import type { PutSchedule, ScheduleRecord, ScheduleStore } from "../../ports/ScheduleStore.ts"
import type { Planned } from "./Entry.ts"

/** What putting a schedule into force did. */
export type Put = "added" | "changed" | "unchanged"

const ticksAlike = (record: ScheduleRecord, { definition }: Planned): boolean =>
  Result.match(decodeDefinition(record.definition), {
    onFailure: () => false,
    onSuccess: ({ when }) => JSON.stringify(when) === JSON.stringify(definition.when)
  })

/** Whether a schedule is what an entry says already. */
export const isAsPlanned = (record: ScheduleRecord, planned: Planned): boolean =>
  record.queue === planned.queue && record.definition === encodeDefinition(planned.definition)

/** What makes a schedule what an entry says; its next tick moves only when it ticks otherwise than before. */
const change = (record: ScheduleRecord | undefined, planned: Planned, now: EpochMillis): PutSchedule => {
  const { name, queue, timing } = planned
  const fresh = Cron.next(timing, now) ?? "none"
  const base = { name, queue, definition: encodeDefinition(planned.definition) }
  if (record === undefined) return { ...base, next: fresh }
  const next = record.paused ? "none" : ticksAlike(record, planned) ? (record.next ?? fresh) : fresh
  if (record.queue !== queue) return { ...base, next, paused: record.paused }
  return { ...base, version: record.version, next: record.next === next ? "keep" : next }
}

/** Puts an entry into force, whatever others do to it at the same time. `onlyNew` leaves one that is there alone. */
export const put = Effect.fnUntraced(function* (
  store: ScheduleStore["Service"],
  planned: Planned,
  onlyNew: boolean = false
) {
  // a put whose reply was lost is found done when it is sent again
  let tried: Put | undefined
  while (true) {
    const { now, schedule } = yield* store.find(planned.name)
    const record = Option.getOrUndefined(schedule)
    if (record !== undefined && isAsPlanned(record, planned)) return tried ?? "unchanged"
    if (record !== undefined && onlyNew) return "unchanged"
    tried = record === undefined ? "added" : "changed"
    if (yield* store.put(change(record, planned, now))) return tried
  }
})
