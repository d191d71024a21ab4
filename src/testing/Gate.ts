/** Decides how many jobs workers may claim: none, unless a run lets them. */
export class Gate {
  /** Whether workers may claim whenever they like. */
  readonly isFree: boolean
  /** Whether somebody was refused who may be let through now. */
  hasRefused = false
  /** Whether a run is under way. */
  isOpen = false
  #queues: ReadonlySet<string> | undefined
  #left = 0

  constructor(isFree: boolean) {
    this.isFree = isFree
  }

  get isSpent(): boolean {
    return !this.isFree && this.#left === 0
  }

  open(jobs: number, queues: ReadonlyArray<string> | undefined): void {
    this.isOpen = true
    this.#left = jobs
    this.#queues = queues && new Set(queues)
    this.hasRefused = false
  }

  close(): void {
    this.isOpen = false
    this.#left = 0
  }

  /** Takes leave to claim; what is not used is to be given back. */
  take(queue: string, wanted: number): number {
    if (this.isFree) return wanted
    if (this.#queues !== undefined && !this.#queues.has(queue)) return 0
    const given = Math.min(wanted, this.#left)
    this.#left -= given
    if (given < wanted) this.hasRefused = true
    return given
  }

  giveBack(count: number): void {
    if (this.isOpen) this.#left += count
  }
}
