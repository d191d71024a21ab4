import * as Effect from "effect/Effect"
import type { Job, JobState } from "../../domain/Job.ts"
import type { JobPage, QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"

/** Jobs read by one call to the store: payloads may be large. */
const stepJobs = 100

/** A page of the jobs that match a filter. */
export interface FilteredPage extends JobPage {
  /** Jobs looked at for this page, whether they matched or not. */
  readonly looked: number
}

export interface Request {
  readonly queue: string
  readonly state: JobState
  readonly cursor?: string | undefined
  /** Jobs in the page, at most. */
  readonly limit: number
  /** Jobs looked at, at most. */
  readonly scan: number
}

/** An integer between 1 and most, whatever was asked for. */
export const within = (asked: number, most: number): number => Math.min(Math.max(1, Math.floor(asked) || 1), most)

/**
 * Reads jobs of a state and keeps those that match, until there are enough, enough were looked at, or all were.
 *
 * **Shape** As `QueueControl.list`, in its order and with its cursors, so LIST-2 holds for those that match.
 */
export const read = (
  control: QueueControl["Service"],
  { cursor: start, limit, queue, scan, state }: Request,
  matches: (job: Job) => boolean
): Effect.Effect<FilteredPage, StoreError> =>
  Effect.gen(function* () {
    const found: Array<Job> = []
    let looked = 0
    let cursor = start
    let step = stepJobs
    while (true) {
      const room = limit - found.length
      const page: JobPage = yield* control.list({
        queue,
        state,
        limit: Math.min(step, scan - looked),
        ...(cursor === undefined ? {} : { cursor })
      })
      const matching = page.jobs.filter(matches)
      if (matching.length > room) {
        // A cursor stands behind a whole page, so the page is read again up to the last job wanted. Should it have
        // changed meanwhile, it is read once more, each time shorter.
        step = page.jobs.indexOf(matching[room - 1]!) + 1
        continue
      }
      found.push(...matching)
      looked += page.jobs.length
      cursor = page.cursor
      step = stepJobs
      if (cursor === undefined) return { jobs: found, looked }
      if (found.length >= limit || looked >= scan) return { jobs: found, looked, cursor }
    }
  })
