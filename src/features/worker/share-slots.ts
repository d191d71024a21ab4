/** A queue of a worker, as the share-out of free slots sees it. */
export interface Contender {
  readonly weight: number
  /** The virtual time at which it joined the others. */
  readonly since: number
  /** Slots it was given since then. Its virtual time is `since + served / weight`; the lowest is served next. */
  readonly served: number
  /** Whether it takes slots now: it has, or may have, work. */
  readonly hungry: boolean
  /** Whether it takes none now, being away to ask, but may want some when it is back. */
  readonly away: boolean
  /** Slots it may take at most. */
  readonly room: number
  /** The shards it is one of, if so: what they may take at most together. The same object for all of them. */
  readonly pool?: { readonly room: number }
  /** When it was last given slots, as a number that grows; only shards are asked for it. */
  readonly turn?: number
}

/** What the pools have given away while slots are shared out. */
class Taken {
  readonly #counts = new Map<object, number>()

  isFull({ pool }: Contender): boolean {
    return pool !== undefined && (this.#counts.get(pool) ?? 0) >= pool.room
  }

  take({ pool }: Contender, count: number): void {
    if (pool !== undefined) this.#counts.set(pool, (this.#counts.get(pool) ?? 0) + count)
  }

  left({ pool }: Contender): number {
    return pool === undefined ? Number.POSITIVE_INFINITY : pool.room - (this.#counts.get(pool) ?? 0)
  }
}

/** Shards that are as far take turns: their places tell nothing, and one that always came first would starve others. */
const isBefore = (one: Contender, other: Contender): boolean =>
  one.weight > other.weight ||
  (one.pool !== undefined && one.pool === other.pool && (one.turn ?? 0) < (other.turn ?? 0))

/** Virtual time once `given` more slots are its. Divided once, so that whole shares are exact. */
const timeOf = ({ served, since, weight }: Contender, given = 0): number => since + (served + given) / weight

/**
 * Shares out slots in proportion to weights (start-time fair queueing): one by one to the hungry contender with the
 * lowest virtual time, the larger weight first, then, of the shards of a queue, the one that was not given any for
 * longest, then the earlier. Such a shard is given up to `atOnce`, since slots that are dealt out one by one to many
 * shards bring one job per round trip. Answers how many each is given, in order.
 *
 * **Shape** No slot stays free while a hungry contender has room, except for one that is away: nobody gets further
 * ahead of it than `lead`, or it could never catch up.
 */
export const shareByWeight = (
  free: number,
  contenders: ReadonlyArray<Contender>,
  lead = 0,
  atOnce = 1
): ReadonlyArray<number> => {
  const given = contenders.map(() => 0)
  const taken = new Taken()
  const latest =
    lead + Math.min(...contenders.filter(({ away, room }) => away && room > 0).map((contender) => timeOf(contender)))
  for (let left = free; left > 0;) {
    let next = -1
    let lowest = Number.POSITIVE_INFINITY
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[i]!
      if (!contender.hungry || given[i]! >= contender.room || taken.isFull(contender)) continue
      const time = timeOf(contender, given[i])
      if (time < lowest || (time === lowest && isBefore(contender, contenders[next]!))) {
        next = i
        lowest = time
      }
    }
    if (next < 0 || lowest > latest) break
    const chosen = contenders[next]!
    const count = Math.min(left, taken.left(chosen), chosen.pool === undefined ? 1 : atOnce, chosen.room - given[next]!)
    given[next]! += count
    left -= count
    taken.take(chosen, count)
  }
  return given
}

/** Contenders of one rank, as their places: the shards of a queue, or a queue that stands for itself. */
const ranksOf = (contenders: ReadonlyArray<Contender>): ReadonlyArray<ReadonlyArray<number>> => {
  const ranks: Array<Array<number>> = []
  for (const [i, { pool }] of contenders.entries()) {
    if (pool !== undefined && i > 0 && pool === contenders[i - 1]!.pool) ranks.at(-1)!.push(i)
    else ranks.push([i])
  }
  return ranks
}

/**
 * Shares out slots in the order of the contenders: each hungry one takes what it has room for, and leaves the rest to
 * those behind it, unless one before them is away and may want more. The shards of a queue have one place, and are given
 * slots in turns, up to `atOnce` each. Answers how many each is given, in order.
 */
export const shareByOrder = (free: number, contenders: ReadonlyArray<Contender>, atOnce = 1): ReadonlyArray<number> => {
  let left = free
  const given = contenders.map(() => 0)
  for (const rank of ranksOf(contenders)) {
    const inTurn = rank.toSorted((a, b) => (contenders[a]!.turn ?? 0) - (contenders[b]!.turn ?? 0))
    let room = Math.min(left, contenders[rank[0]!]!.pool?.room ?? Number.POSITIVE_INFINITY)
    for (let before = -1; room > 0 && before !== room;) {
      before = room
      for (const i of inTurn) {
        const contender = contenders[i]!
        if (room <= 0 || !contender.hungry || given[i]! >= contender.room) continue
        const count = Math.min(room, contender.pool === undefined ? 1 : atOnce, contender.room - given[i]!)
        given[i]! += count
        left -= count
        room -= count
      }
    }
    if (rank.some((i) => contenders[i]!.away && contenders[i]!.room > 0)) left = 0
  }
  return given
}
