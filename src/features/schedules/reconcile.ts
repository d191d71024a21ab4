import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { InvalidInput } from "../../domain/limits.ts"
import { decodeDefinition } from "../../domain/Schedule.ts"
import { type ScheduleRecord, ScheduleStore } from "../../ports/ScheduleStore.ts"
import { type Entry, plan } from "./Entry.ts"
import { isAsPlanned, put } from "./put.ts"

/** What code declares: the schedules of a group, all of them. */
export interface Declaration {
  /** Whose they are: what the group declares no more is removed, and what others declare is left alone; `default` when
   * left out. */
  readonly group?: string
  readonly entries: ReadonlyArray<Entry>
}

/** What reconciling did, or would do: names of schedules. */
export interface Difference {
  readonly added: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
  readonly unchanged: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
}

/** Every schedule there is, by name. */
export const readAll = Effect.fnUntraced(function* (store: ScheduleStore["Service"], only?: string) {
  const found = new Map<string, ScheduleRecord>()
  for (const queue of only === undefined ? yield* store.queues : [only]) {
    let cursor: string | undefined
    do {
      const page = yield* store.list(queue, cursor)
      for (const schedule of page.schedules) found.set(schedule.name, schedule)
      cursor = page.cursor
    } while (cursor !== undefined)
  }
  return found
})

const groupOf = (record: ScheduleRecord): string | undefined =>
  Result.match(decodeDefinition(record.definition), { onFailure: () => undefined, onSuccess: ({ group }) => group })

const groupPattern = /^[^\p{Cc}]{1,128}$/u

const checked = Effect.fnUntraced(function* ({ entries, group = "default" }: Declaration) {
  if (!groupPattern.test(group)) {
    return yield* Effect.fail(
      new InvalidInput({ field: "group", problem: `must be 1 to 128 characters, not ${JSON.stringify(group)}` })
    )
  }
  const names = entries.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    return yield* Effect.fail(new InvalidInput({ field: "entries", problem: `name the schedule ${twice} twice` }))
  }
  return { group, planned: yield* Effect.forEach(entries, (entry) => plan(entry, group)) }
})

/** Makes the stored schedules of a group those that are declared. All are checked before anything is written. */
export const reconcile = Effect.fnUntraced(function* (declaration: Declaration, dryRun: boolean) {
  const store = yield* ScheduleStore
  const { group, planned } = yield* checked(declaration)
  const stored = yield* readAll(store)
  const done = { added: [] as Array<string>, changed: [] as Array<string>, unchanged: [] as Array<string> }
  for (const one of planned) {
    const record = stored.get(one.name)
    const owner = record === undefined ? group : groupOf(record)
    if (owner !== group && !dryRun) {
      yield* Effect.logWarning(`schedule ${one.name} was of ${owner === undefined ? "no group" : `group ${owner}`}`)
    }
    const would = record === undefined ? "added" : isAsPlanned(record, one) ? "unchanged" : "changed"
    done[dryRun || would === "unchanged" ? would : yield* put(store, one)].push(one.name)
  }
  const declared = new Set(planned.map(({ name }) => name))
  const removed: Array<string> = []
  for (const [name, record] of stored) {
    if (declared.has(name) || groupOf(record) !== group) continue
    if (dryRun || (yield* store.remove(name))) removed.push(name)
  }
  const difference: Difference = { ...done, removed: removed.toSorted() }
  return difference
})
