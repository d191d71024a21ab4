import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { EpochMillis, JobId } from "../../domain/Job.ts"
import {
  type ClaimedJob,
  JobStore,
  type RescueReply,
  type SettleOutcome,
  type Settlement
} from "../../ports/JobStore.ts"
import { WorkerInstruments } from "../telemetry/Instruments.ts"
import { Settings as TelemetrySettings } from "../telemetry/Settings.ts"
import { Processing } from "../telemetry/Tracing.ts"
import { AmbientMiddleware } from "./AmbientMiddleware.ts"
import { type Ending, endingOf } from "./ending-of.ts"
import { HookRunner } from "./HookRunner.ts"
import type { AnyHooks } from "./Hooks.ts"
import { JobLog } from "./job-log.ts"
import type { AnyMiddleware, Middleware } from "./Middleware.ts"
import type { ToldToEnd } from "./Overstays.ts"
import { type Redact, redacting } from "./redaction.ts"
import { type JobInfo, RunningJob } from "./RunningJob.ts"

/** What is attached to a worker from outside. */
export interface ExtensionOptions<M extends ReadonlyArray<AnyMiddleware>, H extends AnyHooks> {
  /** Wraps every handler; the first is outermost. What it requires, the layer requires. */
  readonly middleware?: M
  /** Watches what becomes of jobs. What it requires, the layer requires. */
  readonly hooks?: H & { readonly [Name in Exclude<keyof H, keyof AnyHooks>]: never }
  /**
   * Which attempts are logged: those that fail or end dead, cancelled, undecodable, without a handler or a lease
   * (`problems`), or every one (`all`); `problems` when left out. Payloads are never logged.
   */
  readonly log?: false | "problems" | "all"
  /**
   * Takes secrets out of error texts and of the reasons of `Cancel`, before they are stored, logged and told to hooks.
   * It gets the whole text, stack included. When it throws, the text is withheld. Typed failures, results, progress and
   * log lines are what the program says on purpose, and pass as they are; so does the `cause` that hooks are told.
   *
   * **Ref** docs/semantics.md LOG-4
   */
  readonly redact?: Redact
}

/** What is kept of an attempt whose handler was started: all of it when every end is of interest, or how it failed. */
export class Observed {
  readonly info: JobInfo
  /** By the monotonic clock. */
  readonly startedNanos: bigint
  durationMillis: number | undefined
  cause: Cause.Cause<unknown> | undefined

  constructor(info: JobInfo, startedNanos: bigint, durationMillis?: number, cause?: Cause.Cause<unknown>) {
    this.info = info
    this.startedNanos = startedNanos
    this.durationMillis = durationMillis
    this.cause = cause
  }
}

/** The part of an attempt that is of interest here. */
interface Attempt {
  readonly job: ClaimedJob
  readonly startedAt: EpochMillis | undefined
  readonly cancelReason: string | undefined
  readonly observed: Observed | undefined
}

type Fork = (effect: Effect.Effect<unknown, unknown>) => Fiber.Fiber<unknown, unknown>

const buriedForCrashes = "its lease expired and no attempt is left"

/**
 * Middleware, hooks, log lines and telemetry of one worker. Every method returns at once and never throws; what is not
 * asked for costs a comparison.
 */
export class Extensions {
  /** Of the worker, without the span in which it was built. */
  readonly #services: Context.Context<never>
  /** By the services of a handler: runs something with those of the worker, and on top of them the handler's. */
  readonly #forks = new WeakMap<Context.Context<never>, Fork>()
  readonly #worker: string
  readonly #store: JobStore["Service"]
  readonly #kinds: ReadonlySet<string>
  readonly #middleware: ReadonlyArray<Middleware>
  readonly #hooks: HookRunner | undefined
  readonly #log: JobLog
  readonly #tracing: Processing
  readonly #instruments: WorkerInstruments | undefined
  readonly #clock: Clock.Clock
  /** Makes an error text fit to be stored and logged. */
  readonly redact: Redact
  /** Whether the end of an attempt is of interest, whatever it is. */
  readonly #everyEnd: boolean

  constructor(
    worker: string,
    store: JobStore["Service"],
    kinds: ReadonlySet<string>,
    services: Context.Context<never>,
    middleware: ReadonlyArray<AnyMiddleware>,
    hooks: HookRunner | undefined,
    log: JobLog,
    redact: Redact
  ) {
    this.redact = redact
    this.#services = services
    this.#worker = worker
    this.#store = store
    this.#kinds = kinds
    // what they require is among the services, with which every attempt is run
    this.#middleware = middleware as ReadonlyArray<Middleware>
    this.#hooks = hooks
    this.#log = log
    const telemetry = Context.get(services, TelemetrySettings)
    this.#tracing = new Processing(telemetry, services, worker)
    this.#instruments = telemetry.metrics ? new WorkerInstruments(services) : undefined
    this.#clock = Context.get(services, Clock.Clock)
    this.#everyEnd = hooks !== undefined || this.#instruments !== undefined || log.all
  }

  /** Runs a handler as one attempt: within the middleware, traced as far as that is wanted. */
  fork(
    handler: Effect.Effect<unknown, unknown>,
    services: Context.Context<never>,
    job: JobInfo
  ): Fiber.Fiber<unknown, unknown> {
    if (this.#middleware.length === 0 && !this.#tracing.wants(job)) return this.#forkOf(services)(handler)
    // what surrounds the handler has the worker's services only
    return this.#forkOf(this.#services)(this.#wrap(Effect.provideContext(handler, services), job))
  }

  /** Services are put together once per handler, and not once per job. */
  #forkOf(services: Context.Context<never>): Fork {
    let fork = this.#forks.get(services)
    if (fork === undefined) {
      fork = Effect.runForkWith(services === this.#services ? services : Context.merge(this.#services, services))
      this.#forks.set(services, fork)
    }
    return fork
  }

  #wrap(handler: Effect.Effect<unknown, unknown>, job: JobInfo): Effect.Effect<unknown, unknown> {
    let wrapped = handler
    for (let i = this.#middleware.length - 1; i >= 0; i--) {
      const middleware = this.#middleware[i]!
      const next = wrapped
      // one that throws before it returns an effect has failed like a handler that does
      wrapped = Effect.suspend(() => middleware(next, job))
    }
    return this.#tracing.wants(job) ? this.#tracing.trace(wrapped, job) : wrapped
  }

  /** Room for handlers that comes with the worker, and goes with it. */
  slots(count: number): void {
    this.#instruments?.slots(count)
  }

  /** A handler is started. What is answered is kept with its attempt. */
  started(queue: string, job: JobInfo): Observed | undefined {
    if (!this.#everyEnd) return undefined
    if (this.#instruments !== undefined) {
      const isFirst = job.attempt === 1 && job.snoozes === 0 && job.rescues === 0
      const waited = isFirst ? this.#clock.currentTimeMillisUnsafe() - job.dueAt : undefined
      this.#instruments.started(queue, job.kind, waited)
    }
    if (this.#hooks?.wants("onStart")) this.#hooks.tell("onStart", this.#attemptEvent(queue, job))
    return new Observed(job, this.#clock.monotonicTimeNanosUnsafe())
  }

  /** A handler has ended. What is answered is kept with its attempt. */
  ended(queue: string, attempt: Attempt, running: JobInfo, exit: Exit.Exit<unknown, unknown>): Observed | undefined {
    const { job, observed, startedAt } = attempt
    if (observed === undefined) {
      if (startedAt === undefined || Exit.isSuccess(exit) || !this.#log.problems) return undefined
      const durationMillis = Math.max(0, this.#clock.currentTimeMillisUnsafe() - startedAt)
      return new Observed(running, 0n, durationMillis, exit.cause)
    }
    observed.durationMillis = Number(this.#clock.monotonicTimeNanosUnsafe() - observed.startedNanos) / 1_000_000
    if (Exit.isFailure(exit)) observed.cause = exit.cause
    this.#instruments?.ended(queue, job.kind, observed.durationMillis)
    return observed
  }

  /** The lease of an attempt was lost while it ran: there is nothing to settle. */
  lost(queue: string, attempt: Attempt): void {
    this.#tell(queue, attempt, { outcome: "lease_lost", noticed: "while running" })
  }

  /** A handler goes on though it was told to end. */
  overstays(queue: string, { job, startedAt }: Attempt, why: ToldToEnd): void {
    const ranMillis = this.#clock.currentTimeMillisUnsafe() - (startedAt ?? 0)
    this.#log.overstays(queue, job, why, ranMillis)
    this.#instruments?.overstays(queue, job.kind)
  }

  /** Whether `settled` has anything to do for a job that has completed. */
  get watchesCompleted(): boolean {
    return this.#everyEnd
  }

  /** The store has answered a settlement. */
  settled(queue: string, attempt: Attempt | undefined, settlement: Settlement, answer: SettleOutcome): void {
    if (answer === "stale") this.#instruments?.staleWrite(queue)
    if (attempt === undefined) return
    const { job } = attempt
    const { id, kind } = job
    const given = attempt.cancelReason
    const reason = given === undefined ? undefined : this.redact(given, { queue, kind, id })
    this.#tell(queue, attempt, endingOf(settlement, answer, job, this.#kinds.has(kind), reason))
  }

  /** Jobs whose leases had expired were met on the way, by a claim or a sweep. */
  readonly report = (queue: string, { buried, rescued }: RescueReply): void => {
    if (rescued.length === 0 && buried.length === 0) return
    this.#instruments?.recovered(queue, rescued.length + buried.length)
    for (const jobId of rescued) {
      this.#log.recovered(queue, jobId, "rescued")
      this.#hooks?.tell("onRescue", this.#jobEvent(queue, jobId))
    }
    for (const jobId of buried) {
      this.#log.recovered(queue, jobId, "dead")
      const event = this.#jobEvent(queue, jobId)
      this.#hooks?.tell("onDead", { ...event, reason: "crashed", error: buriedForCrashes })
    }
  }

  #tell(queue: string, attempt: Attempt, ending: Ending): void {
    const { job, observed } = attempt
    this.#log.processed(queue, job, ending, observed?.durationMillis)
    // anybody may enqueue any kind, and each would be a series for ever
    this.#instruments?.finished(queue, this.#kinds.has(job.kind) ? job.kind : "unknown", ending.outcome)
    if (this.#hooks !== undefined) this.#tellHook(this.#hooks, queue, attempt, ending)
  }

  #tellHook(hooks: HookRunner, queue: string, { job, observed }: Attempt, ending: Ending): void {
    const event = this.#attemptEvent(queue, observed?.info ?? new RunningJob(job, queue, this.#store))
    const ran = { ...event, durationMillis: observed?.durationMillis ?? 0 }
    const cause = observed?.cause === undefined ? {} : { cause: observed.cause }
    switch (ending.outcome) {
      case "completed":
        return hooks.tell("onComplete", ran)
      case "retry": {
        const { delayMillis, error } = ending
        return hooks.tell("onError", { ...ran, ...cause, error, delayMillis })
      }
      case "dead":
      case "undecodable": {
        const { error, reason } = ending
        return hooks.tell("onDead", { ...(observed === undefined ? event : ran), ...cause, reason, error })
      }
      case "cancelled":
        return hooks.tell("onCancel", { ...ran, reason: ending.reason })
      case "snoozed":
        return hooks.tell("onSnooze", { ...ran, delayMillis: ending.delayMillis })
      case "released":
        return hooks.tell("onRelease", { ...event, reason: "shutdown", delayMillis: ending.delayMillis })
      case "no_handler":
        return hooks.tell("onRelease", { ...event, reason: "no handler", delayMillis: ending.delayMillis })
      case "lease_lost":
        return hooks.tell("onLeaseLost", { ...ran, noticed: ending.noticed })
    }
  }

  #jobEvent(queue: string, jobId: JobId) {
    return { queue, jobId, workerId: this.#worker }
  }

  #attemptEvent(queue: string, job: JobInfo) {
    return { ...this.#jobEvent(queue, job.id), job, attempt: job.attempt }
  }
}

/** Attaches what the options say to a worker that is being built. Hooks go on until its scope has closed. */
export const makeExtensions = (
  worker: string,
  options: ExtensionOptions<ReadonlyArray<AnyMiddleware>, AnyHooks> & {
    readonly tasks: ReadonlyArray<{ readonly kind: string }>
  },
  concurrency: number
): Effect.Effect<Extensions, never, JobStore | Scope.Scope> =>
  Effect.gen(function* () {
    // what middleware and hooks require, the worker's layer requires, so it is among them
    const services = Context.omit(Tracer.ParentSpan)(yield* Effect.context<never>())
    const redact = redacting(options.redact)
    const wanted = options.hooks ?? {}
    // without any, the end of a job that completed is nobody's interest
    const hooks = Object.keys(wanted).length === 0 ? undefined : new HookRunner(wanted, services, redact)
    if (hooks !== undefined) yield* Effect.addFinalizer(() => hooks.close)
    const kinds = new Set(options.tasks.map(({ kind }) => kind))
    const log = new JobLog(options.log ?? "problems", services, worker)
    const middleware = [...(yield* AmbientMiddleware), ...(options.middleware ?? [])]
    const extensions = new Extensions(worker, yield* JobStore, kinds, services, middleware, hooks, log, redact)
    extensions.slots(concurrency)
    yield* Effect.addFinalizer(() => Effect.sync(() => extensions.slots(-concurrency)))
    return extensions
  })
