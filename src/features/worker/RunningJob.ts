import * as Effect from "effect/Effect"
import type { EpochMillis, JobId, Member, Token } from "../../domain/Job.ts"
import type { ClaimedJob, JobStore, LogLines } from "../../ports/JobStore.ts"

/** What a handler can know of the job it runs, besides the payload, and say of it while it runs. */
export interface JobInfo extends Omit<ClaimedJob, "payload"> {
  readonly queue: string
  /**
   * Says how far the job is: any JSON value, kept as the job's latest progress.
   *
   * **Errors** none: when it cannot be stored, a debug line is logged and the handler goes on.
   * **Ref** docs/semantics.md NOTE-1
   */
  readonly setProgress: (value: unknown) => Effect.Effect<void>
  /** Adds lines to the job's own log, of which the latest 100 are kept. **Ref** NOTE-2 */
  readonly log: (...lines: ReadonlyArray<string>) => Effect.Effect<void>
}

/** A class, so that a job costs no closures. */
export class RunningJob implements JobInfo {
  readonly id: JobId
  readonly token: Token
  readonly kind: string
  readonly priority: number
  readonly attempt: number
  readonly maxAttempts: number
  readonly rescues: number
  readonly snoozes: number
  readonly enqueuedAt: EpochMillis
  readonly headers: Readonly<Record<string, string>>
  readonly tags: ReadonlyArray<string>
  declare readonly member?: Member
  readonly queue: string
  readonly #store: JobStore["Service"]
  #logged = 0

  constructor(job: ClaimedJob, queue: string, store: JobStore["Service"]) {
    this.id = job.id
    this.token = job.token
    this.kind = job.kind
    this.priority = job.priority
    this.attempt = job.attempt
    this.maxAttempts = job.maxAttempts
    this.rescues = job.rescues
    this.snoozes = job.snoozes
    this.enqueuedAt = job.enqueuedAt
    this.headers = job.headers
    this.tags = job.tags
    if (job.member !== undefined) this.member = job.member
    this.queue = queue
    this.#store = store
  }

  setProgress(value: unknown): Effect.Effect<void> {
    return this.#annotate(() => ({ progress: JSON.stringify(value) ?? "null" }))
  }

  log(...lines: ReadonlyArray<string>): Effect.Effect<void> {
    return this.#annotate(() => {
      const from = this.#logged
      this.#logged += lines.length
      return { logs: { from, lines } }
    })
  }

  #annotate(notes: () => { readonly progress?: string; readonly logs?: LogLines }): Effect.Effect<void> {
    const { id: jobId, queue, token } = this
    return Effect.suspend(() => this.#store.annotate({ queue, jobId, token, ...notes() })).pipe(
      Effect.catchCause((cause) => Effect.logDebug(`job ${jobId}: its notes were not stored`, cause)),
      Effect.asVoid
    )
  }
}
