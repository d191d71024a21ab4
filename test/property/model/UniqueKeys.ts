import type { EpochMillis } from "../../../src/domain/Job.ts"
import type { Entry } from "./Entry.ts"

/** Who holds which unique key. A window keeps the key for a job that may be gone, while another has its id. */
export class UniqueKeys {
  readonly #holders = new Map<string, { readonly entry: Entry; readonly until: EpochMillis | undefined }>()

  holder(key: string | undefined, now: EpochMillis): Entry | undefined {
    const holder = key === undefined ? undefined : this.#holders.get(key)
    return holder?.until === undefined || holder.until > now ? holder?.entry : undefined
  }

  take(entry: Entry, now: EpochMillis): void {
    const { uniqueKey, uniqueWindowMillis } = entry.given
    const until = uniqueWindowMillis === undefined ? undefined : now + uniqueWindowMillis
    if (uniqueKey !== undefined) this.#holders.set(uniqueKey, { entry, until })
  }

  /** What its start or its end frees; a window goes on. */
  free(entry: Entry): void {
    const { uniqueKey, uniqueWindowMillis } = entry.given
    if (uniqueKey === undefined || uniqueWindowMillis !== undefined) return
    if (this.#holders.get(uniqueKey)?.entry === entry) this.#holders.delete(uniqueKey)
  }

  windowEnds(): ReadonlyArray<EpochMillis> {
    return [...this.#holders.values()].flatMap(({ until }) => until ?? [])
  }
}
