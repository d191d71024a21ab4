import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Job } from "../../domain/Job.ts"
import { InvalidInput } from "../../domain/limits.ts"
import type { Sharded } from "../../domain/Sharded.ts"
import { refused } from "../../ports/checks.ts"
import type { QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import type { FilteredPage } from "../inspector/FilteredPage.ts"
import { type Pages, partsOf } from "./bulk.ts"

/** Shards read at the same time. */
const concurrency = 16

/** Where the list is in a shard: its cursor there, at its beginning (absent), or at its end. */
type Place = string | undefined
const end = ""

// a comma behind each entry tells this cursor from that of a bulk action, which is in one shard
const cursorOf = (places: ReadonlyArray<Place>): string | undefined =>
  places.every((place) => place === end)
    ? undefined
    : places.flatMap((place, shard) => (place === undefined ? [] : [`${shard}:${place},`])).join("")

const placesOf = (shards: number, cursor: string | undefined): Result.Result<Array<Place>, StoreError> => {
  const places = Array.from({ length: shards }, (): Place => undefined)
  if (cursor === undefined) return Result.succeed(places)
  if (!/^(\d{1,3}:[^,]*,)+$/.test(cursor)) return unknown()
  for (const entry of cursor.slice(0, -1).split(",")) {
    const at = entry.indexOf(":")
    const shard = Number(entry.slice(0, at))
    if (shard >= shards) return unknown()
    places[shard] = entry.slice(at + 1)
  }
  return Result.succeed(places)
}

const unknown = () =>
  Result.fail(refused("list", new InvalidInput({ field: "cursor", problem: "is none that a page gave" })))

const diedAt = (job: Job): number => job.finishedAt ?? 0

/**
 * How many jobs of each page stand first when all are put in order. It ends where a page ends behind which there may be
 * more, since that may come next.
 */
const sharesOf = (pages: ReadonlyArray<FilteredPage>, limit: number): ReadonlyArray<number> => {
  const shares = pages.map(() => 0)
  for (let taken = 0; taken < limit; taken++) {
    let newest: number | undefined
    for (const [i, { cursor, jobs }] of pages.entries()) {
      const job = jobs[shares[i]!]
      if (job === undefined && cursor !== undefined) return shares
      if (job === undefined) continue
      if (newest === undefined || diedAt(job) > diedAt(pages[newest]!.jobs[shares[newest]!]!)) newest = i
    }
    if (newest === undefined) return shares
    shares[newest]!++
  }
  return shares
}

/** What of a shard comes into the page, and where the next one goes on. */
interface Part {
  readonly page: FilteredPage
  readonly place: Place
}

const nothing: FilteredPage = { jobs: [], looked: 0 }

/**
 * A page of all shards, newest death first. Each is read from where the last page left it, and once more as far as its
 * jobs came into the page, for the cursor that stands there.
 *
 * **Errors** `StoreError`, `rejected` for a cursor that no page of as many shards gave.
 * **Ref** docs/semantics.md SHARD-14, LIST-2
 */
export const mergedPage = Effect.fnUntraced(function* (
  queue: Sharded,
  pages: Pages,
  { cursor, limit }: { readonly cursor: string | undefined; readonly limit: number }
): Effect.fn.Return<FilteredPage, StoreError, QueueControl> {
  const shards = yield* partsOf(queue)
  const places = yield* Effect.fromResult(placesOf(shards.length, cursor))
  const read = yield* Effect.forEach(
    shards,
    (shard, i) => (places[i] === end ? Effect.succeed(nothing) : pages(shard, { cursor: places[i], limit })),
    { concurrency }
  )
  const shares = sharesOf(read, limit)
  const parts = yield* Effect.forEach(
    shards,
    (shard, i): Effect.Effect<Part, StoreError, QueueControl> => {
      const page = read[i]!
      const share = shares[i]!
      if (share === page.jobs.length) return Effect.succeed({ page, place: page.cursor ?? end })
      if (share === 0) return Effect.succeed({ page: nothing, place: places[i] })
      return Effect.map(pages(shard, { cursor: places[i], limit: share }), (again) => ({
        page: again,
        place: again.cursor ?? end
      }))
    },
    { concurrency }
  )
  const next = cursorOf(parts.map(({ place }) => place))
  return {
    jobs: parts.flatMap(({ page }) => page.jobs).toSorted((a, b) => diedAt(b) - diedAt(a)),
    looked: parts.reduce((sum, { page }) => sum + page.looked, 0),
    ...(next === undefined ? {} : { cursor: next })
  }
})
