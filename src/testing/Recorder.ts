import type { EpochMillis } from "../domain/Job.ts"
import type { EnqueueOutcome, NewJob } from "../ports/JobStore.ts"

/** One job that was given to the store. */
export interface Recorded {
  readonly queue: string
  readonly job: NewJob
  readonly outcome: EnqueueOutcome
  /** When, by the virtual clock. */
  readonly at: EpochMillis
}

/** Keeps what was enqueued, by whomever and whatever became of it since. */
export class Recorder {
  #all: Array<Recorded> = []

  get all(): ReadonlyArray<Recorded> {
    return this.#all
  }

  add(queue: string, jobs: ReadonlyArray<NewJob>, outcomes: ReadonlyArray<EnqueueOutcome>, at: EpochMillis): void {
    for (let i = 0; i < jobs.length; i++) this.#all.push({ queue, job: jobs[i]!, outcome: outcomes[i]!, at })
  }

  forget(): void {
    this.#all = []
  }
}
