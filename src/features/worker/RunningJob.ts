import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { describe } from "../../domain/describe.ts"
import { type EpochMillis, type JobId, maxLogLines, type Member, type Token } from "../../domain/Job.ts"
import { bytesBeyond, maxProgressBytes } from "../../domain/limits.ts"
import type { ClaimedJob, JobStore, LogLines } from "../../ports/JobStore.ts"

/** What a handler can know of the job it runs, besides the payload, and say of it while it runs. */
export interface JobInfo extends Omit<ClaimedJob, "payload"> {
  readonly queue: string
  /**
   * Says how far the job is: any JSON value, kept as the job's latest progress.
   *
   * **Units** at most 64 KiB as JSON; of a larger one nothing is kept, and a warning is logged.
   * **Errors** none: when it cannot be stored, a debug line is logged and the handler goes on.
   * **Ref** docs/semantics.md NOTE-1, BOUND-4
   */
  readonly setProgress: (value: unknown) => Effect.Effect<void>
  /** Adds lines to the job's own log, of which the latest 100 are kept, each cut at 8192 characters. **Ref** NOTE-2, BOUND-1 */
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
  readonly dueAt: EpochMillis
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
    this.dueAt = job.dueAt
    this.headers = job.headers
    this.tags = job.tags
    if (job.member !== undefined) this.member = job.member
    this.queue = queue
    this.#store = store
  }

  setProgress(value: unknown): Effect.Effect<void> {
    return this.#annotate(() => {
      const progress = JSON.stringify(value) ?? "null"
      const bytes = bytesBeyond(progress, maxProgressBytes)
      return bytes === undefined ? { progress } : `its progress has ${bytes} bytes, the limit is ${maxProgressBytes}`
    })
  }

  log(...lines: ReadonlyArray<string>): Effect.Effect<void> {
    return this.#annotate(() => {
      this.#logged += lines.length
      // older ones would not be kept, and need not travel
      const latest = lines.slice(-maxLogLines).map(describe)
      return { logs: { from: this.#logged - latest.length, lines: latest } }
    })
  }

  /** Stores what there is to note, or says why there is nothing to store. */
  #annotate(notes: () => { readonly progress?: string; readonly logs?: LogLines } | string): Effect.Effect<void> {
    const { id: jobId, queue, token } = this
    return Effect.suspend(() => {
      const found = notes()
      return typeof found === "string"
        ? Effect.logWarning(`job ${jobId}: ${found}`)
        : this.#store.annotate({ queue, jobId, token, ...found })
    }).pipe(
      // as text: a logger that reads a hostile value would throw, and fail the handler
      Effect.catchCause((cause) =>
        Effect.logDebug(`job ${jobId}: its notes were not stored: ${describe(Cause.squash(cause))}`)
      ),
      Effect.asVoid
    )
  }
}
