import { untrackedArray } from "../../domain/untracked-array.ts"
import type { NewJob } from "../../ports/JobStore.ts"

/** Jobs of one call that go to one queue, and are stored there in one step. */
export interface Batch {
  readonly queue: string
  readonly jobs: ReadonlyArray<NewJob>
  /** Which payload of the call each job is of, growing. */
  readonly places: ReadonlyArray<number>
  /** Whose ids were drawn for them, and are known to nobody else. */
  readonly areFresh: ReadonlyArray<boolean>
}

/** A class, since it lives until its jobs are stored (decision 16). */
class Filling implements Batch {
  readonly queue: string
  readonly jobs = untrackedArray<NewJob>()
  readonly places = untrackedArray<number>()
  readonly areFresh = untrackedArray<boolean>()

  constructor(queue: string) {
    this.queue = queue
  }
}

/** Gathers jobs by queue; the order of queues is that of their first jobs. */
export class Batches {
  readonly #all = untrackedArray<Filling>()
  #last: Filling | undefined
  /** Made for the second queue; mostly there is one. */
  #byQueue: Map<string, Filling> | undefined

  add(queue: string, job: NewJob, place: number, isFresh: boolean): void {
    if (this.#last?.queue !== queue) this.#last = this.#of(queue)
    this.#last.jobs.push(job)
    this.#last.places.push(place)
    this.#last.areFresh.push(isFresh)
  }

  get all(): ReadonlyArray<Batch> {
    return this.#all
  }

  #of(queue: string): Filling {
    if (this.#last !== undefined) this.#byQueue ??= new Map([[this.#last.queue, this.#last]])
    let filling = this.#byQueue?.get(queue)
    if (filling === undefined) {
      filling = new Filling(queue)
      this.#byQueue?.set(queue, filling)
      this.#all.push(filling)
    }
    return filling
  }
}
