import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type ScheduleRecord, ScheduleStore } from "../../ports/ScheduleStore.ts"
import { sealJob } from "./job-texts.ts"
import type { Place } from "./Keyring.ts"
import type { Sealed } from "./Sealed.ts"

type Store = ScheduleStore["Service"]

const definitionPlace = (queue: string, name: string): Place => ["schedule", queue, name]

/** A definition that stays closed is read by nobody, who says so: it is no JSON then. */
const openRecord = (sealed: Sealed, record: ScheduleRecord): ScheduleRecord => ({
  ...record,
  definition: sealed.value(record.definition, definitionPlace(record.queue, record.name))
})

/** Definitions hold the payload of every job to come; ticks store jobs without the `JobStore`. */
export const encryptedSchedules = (store: Store, sealed: Sealed): Store =>
  ScheduleStore.of({
    ...store,
    due: (queue, limit) =>
      Effect.map(store.due(queue, limit), (found) => ({
        ...found,
        due: found.due.map((record) => openRecord(sealed, record))
      })),
    tick: ({ fire, ...request }) =>
      store.tick({
        ...request,
        ...(fire === undefined ? {} : { fire: { tick: fire.tick, job: sealJob(sealed, request.queue, fire.job) } })
      }),
    trigger: (request) => store.trigger({ ...request, job: sealJob(sealed, request.queue, request.job) }),
    find: (name) =>
      Effect.map(store.find(name), ({ now, schedule }) => ({
        now,
        schedule: Option.map(schedule, (record) => openRecord(sealed, record))
      })),
    put: (request) =>
      store.put({
        ...request,
        definition: sealed.keyring.seal(request.definition, definitionPlace(request.queue, request.name))
      }),
    list: (queue, cursor) =>
      Effect.map(store.list(queue, cursor), (page) => ({
        ...page,
        schedules: page.schedules.map((record) => openRecord(sealed, record))
      }))
  })
