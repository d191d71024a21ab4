/** The shards of one queue of a worker, which share its limit and, in strict order, its place. */
export class Pool {
  /** The queue that they are shards of. */
  readonly name: string
  /** Slots they may hold at most, all together. */
  limit: number
  /** Slots they hold. */
  held = 0

  constructor(name: string, limit: number) {
    this.name = name
    this.limit = limit
  }

  /** Slots they may still take. */
  get room(): number {
    return Math.max(0, this.limit - this.held)
  }
}
