import type { NewJob } from "../../ports/JobStore.ts"

/** Jobs of one call that go to one queue, and are stored there in one step. */
export interface Batch {
  readonly queue: string
  readonly jobs: ReadonlyArray<NewJob>
  /** Which payload of the call each job is of, growing. */
  readonly places: ReadonlyArray<number>
}

interface Filling extends Batch {
  readonly jobs: Array<NewJob>
  readonly places: Array<number>
}

/** Gathers jobs by queue; the order of queues is that of their first jobs. */
export class Batches {
  readonly #byQueue = new Map<string, Filling>()
  #last: Filling | undefined

  add(queue: string, job: NewJob, place: number): void {
    if (this.#last?.queue !== queue) {
      this.#last = this.#byQueue.get(queue) ?? { queue, jobs: [], places: [] }
      this.#byQueue.set(queue, this.#last)
    }
    this.#last.jobs.push(job)
    this.#last.places.push(place)
  }

  get all(): ReadonlyArray<Batch> {
    return [...this.#byQueue.values()]
  }
}
