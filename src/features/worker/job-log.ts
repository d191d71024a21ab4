import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import type { ClaimedJob } from "../../ports/JobStore.ts"
import type { Ending } from "./ending-of.ts"
import type { ToldToEnd } from "./Overstays.ts"
import { resultMisfit } from "./settlement-of.ts"

const isProblem = {
  completed: false,
  retry: true,
  dead: true,
  snoozed: false,
  cancelled: true,
  released: false,
  lease_lost: true,
  undecodable: true,
  no_handler: true
} as const satisfies Record<Ending["outcome"], boolean>

/** Lines are single; the whole text is in the job's ledger. */
const maxErrorLength = 500

const firstLine = (text: string): string => text.split("\n", 1)[0]!.slice(0, maxErrorLength)

/** What is said of an error. The ledger says more: a schema's complaint shows the value that it does not accept. */
const errorOf = (ending: Ending): string | undefined => {
  switch (ending.outcome) {
    case "undecodable":
      return "the payload cannot be decoded"
    case "retry":
    case "dead":
      return ending.error.startsWith(resultMisfit) ? resultMisfit : firstLine(ending.error)
    case "cancelled":
      return firstLine(ending.reason)
    case "lease_lost":
      return ending.noticed === "while running" ? "its lease was lost" : "it ended too late: the job was taken back"
    case "completed":
    case "snoozed":
    case "released":
    case "no_handler":
      return undefined
  }
}

/**
 * Writes one line per attempt, one per job taken back, and one per handler that does not end when it is told to. What
 * nobody would read costs nothing: the program's log
 * level and loggers are looked at once, when the worker is built.
 *
 * **Ref** docs/semantics.md LOG-1..3, LOG-5
 */
export class JobLog {
  /** Whether ends that are as they should be are written. */
  readonly all: boolean
  readonly problems: boolean
  readonly #worker: string
  readonly #services: Context.Context<never>

  constructor(wanted: "all" | "problems" | false, services: Context.Context<never>, worker: string) {
    const least = Context.get(services, References.MinimumLogLevel)
    const heard = Context.get(services, References.CurrentLoggers).size > 0
    this.all = wanted === "all" && heard && !LogLevel.isGreaterThan(least, "Info")
    this.problems = wanted !== false && heard && !LogLevel.isGreaterThan(least, "Warn")
    this.#services = services
    this.#worker = worker
  }

  processed(queue: string, job: ClaimedJob, ending: Ending, durationMillis: number | undefined): void {
    const problem = isProblem[ending.outcome]
    if (problem ? !this.problems : !this.all) return
    const error = errorOf(ending)
    this.#write(problem ? "Warn" : "Info", "job processed", {
      job_id: job.id,
      kind: job.kind,
      queue,
      priority: job.priority,
      attempt: job.attempt,
      max_attempts: job.maxAttempts,
      worker_id: this.#worker,
      ...(durationMillis === undefined ? {} : { duration_ms: Math.round(durationMillis * 1000) / 1000 }),
      outcome: ending.outcome,
      ...(error === undefined ? {} : { error }),
      ...("delayMillis" in ending ? { delay_ms: ending.delayMillis } : {})
    })
  }

  overstays(queue: string, job: ClaimedJob, why: ToldToEnd, ranMillis: number): void {
    if (!this.problems) return
    this.#write("Warn", "handler does not end", {
      ...{ job_id: job.id, kind: job.kind, queue, attempt: job.attempt, worker_id: this.#worker },
      ...{ told_to_end: why, duration_ms: ranMillis }
    })
  }

  recovered(queue: string, jobId: string, outcome: "rescued" | "dead"): void {
    if (!this.problems) return
    const error = outcome === "dead" ? { error: "its lease expired and no attempt is left" } : {}
    this.#write("Warn", "job recovered", { job_id: jobId, queue, worker_id: this.#worker, outcome, ...error })
  }

  #write(level: "Info" | "Warn", message: string, fields: Readonly<Record<string, unknown>>): void {
    const log = level === "Info" ? Effect.logInfo(message) : Effect.logWarning(message)
    Effect.runForkWith(this.#services)(Effect.annotateLogs(log, fields))
  }
}
