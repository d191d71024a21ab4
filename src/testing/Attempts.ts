import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Middleware } from "../features/worker/Middleware.ts"
import type { JobInfo } from "../features/worker/Worker.ts"

/** A handler that runs. */
export interface Attempt {
  readonly job: JobInfo
  /** Sleeps that it, or a fiber it forked, is in; those that only bound others do not count. */
  sleeps: number
  /** Whether it was given real time, which brought nothing. */
  hasWaited: boolean
}

/** The attempt that a fiber belongs to. */
export const CurrentAttempt = Context.Reference<Attempt | undefined>("winterq/testing/CurrentAttempt", {
  defaultValue: () => undefined
})

/** The handlers that run now, of all workers. */
export class Attempts {
  readonly running = new Set<Attempt>()

  readonly middleware: Middleware = (next, job) =>
    Effect.suspend(() => {
      const attempt: Attempt = { job, sleeps: 0, hasWaited: false }
      this.running.add(attempt)
      return Effect.ensuring(
        Effect.provideService(next, CurrentAttempt, attempt),
        Effect.sync(() => this.running.delete(attempt))
      )
    })

  /** Those that wait for something that the clock does not bring: input and output, or one another. */
  get stuck(): ReadonlyArray<Attempt> {
    return [...this.running].filter(({ hasWaited, sleeps }) => sleeps === 0 && !hasWaited)
  }
}
