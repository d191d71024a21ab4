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
}

/** Virtual time once `given` more slots are its. Divided once, so that whole shares are exact. */
const timeOf = ({ served, since, weight }: Contender, given = 0): number => since + (served + given) / weight

/**
 * Shares out slots in proportion to weights (start-time fair queueing): one by one to the hungry contender with the
 * lowest virtual time, the larger weight first, then the earlier. Answers how many each is given, in order.
 *
 * **Shape** No slot stays free while a hungry contender has room, except for one that is away: nobody gets further
 * ahead of it than `lead`, or it could never catch up.
 */
export const shareByWeight = (free: number, contenders: ReadonlyArray<Contender>, lead = 0): ReadonlyArray<number> => {
  const given = contenders.map(() => 0)
  const latest =
    lead + Math.min(...contenders.filter(({ away, room }) => away && room > 0).map((contender) => timeOf(contender)))
  for (let left = free; left > 0; left--) {
    let next = -1
    let lowest = Number.POSITIVE_INFINITY
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[i]!
      if (!contender.hungry || given[i]! >= contender.room) continue
      const time = timeOf(contender, given[i])
      if (time < lowest || (time === lowest && contender.weight > contenders[next]!.weight)) {
        next = i
        lowest = time
      }
    }
    if (next < 0 || lowest > latest) break
    given[next]!++
  }
  return given
}

/**
 * Shares out slots in the order of the contenders: each hungry one takes what it has room for, and leaves the rest to
 * those behind it, unless one before them is away and may want more. Answers how many each is given, in order.
 */
export const shareByOrder = (free: number, contenders: ReadonlyArray<Contender>): ReadonlyArray<number> => {
  let left = free
  return contenders.map(({ away, hungry, room }) => {
    if (away && room > 0) left = 0
    const given = hungry ? Math.max(0, Math.min(left, room)) : 0
    left -= given
    return given
  })
}
