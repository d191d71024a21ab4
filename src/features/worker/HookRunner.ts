import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import { describe } from "../../domain/describe.ts"
import { untrackedArray } from "../../domain/untracked-array.ts"
import type { AnyHooks, EventOf } from "./Hooks.ts"
import type { Redact } from "./redaction.ts"

/** How long one hook may take, and all that wait when the worker ends. */
const hookMillis = 5000

/** Events that may wait. */
const backlogLimit = 10_000

/** A class, as what lives until its turn must be (decision 16). */
class Waiting {
  readonly name: keyof AnyHooks
  readonly queue: string
  readonly jobId: string
  readonly hook: Effect.Effect<unknown, unknown>

  constructor(name: keyof AnyHooks, queue: string, jobId: string, hook: Effect.Effect<unknown, unknown>) {
    this.name = name
    this.queue = queue
    this.jobId = jobId
    this.hook = hook
  }
}

/**
 * Runs hooks where they hurt nobody: one after the other, each for a limited time, in fibers of their own. One that waits
 * for nothing has run when `tell` returns.
 */
export class HookRunner {
  readonly #hooks: AnyHooks
  readonly #services: Context.Context<never>
  #backlog = untrackedArray<Waiting>()
  /** Events of the backlog, and of the batch that is being run. */
  #waiting = 0
  #dropped = 0
  #runs = false
  /** Of hooks that did not end at once. */
  #runner: Fiber.Fiber<void, unknown> | undefined
  /** Of them the one that runs. */
  #current: Fiber.Fiber<unknown, unknown> | undefined
  #closed = false
  readonly #none = Latch.makeUnsafe(true)
  readonly #redact: Redact

  constructor(hooks: AnyHooks, services: Context.Context<never>, redact: Redact) {
    this.#hooks = hooks
    this.#services = services
    this.#redact = redact
  }

  /** Whether anybody wants to know. Events are made only then. */
  wants(name: keyof AnyHooks): boolean {
    return this.#hooks[name] !== undefined
  }

  tell<Name extends keyof AnyHooks>(name: Name, event: EventOf<Name>): void {
    const hook = this.#hooks[name] as ((event: EventOf<Name>) => Effect.Effect<unknown, unknown>) | undefined
    if (hook === undefined || this.#closed) return
    if (this.#waiting >= backlogLimit) {
      if (this.#dropped++ === 0) {
        this.#fork(Effect.logWarning(`hooks fall behind: ${backlogLimit} events wait, more are dropped`))
      }
      return
    }
    const waiting = new Waiting(
      name,
      event.queue,
      event.jobId,
      Effect.suspend(() => hook(event))
    )
    this.#waiting++
    if (this.#runs) this.#backlog.push(waiting)
    else this.#start(waiting)
  }

  /** Most hooks wait for nothing, and need no other fiber beside their own. */
  #start(waiting: Waiting): void {
    this.#runs = true
    const fiber = this.#fork(waiting.hook)
    const exit = fiber.pollUnsafe()
    if (exit === undefined || Exit.isFailure(exit) || this.#backlog.length > 0) return this.#goOn(waiting, fiber)
    this.#waiting--
    this.#runs = false
    this.#none.openUnsafe()
  }

  #goOn(first: Waiting, fiber: Fiber.Fiber<unknown, unknown>): void {
    this.#none.closeUnsafe()
    const runner = this.#fork(Effect.andThen(this.#ended(first, fiber), this.#others()))
    this.#runner = runner
    runner.addObserver(() => {
      this.#runs = false
      this.#runner = undefined
      const next = this.#closed ? undefined : this.#backlog.shift()
      if (next === undefined) this.#none.openUnsafe()
      else this.#start(next)
    })
  }

  /** Runs what was told meanwhile. */
  #others(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      while (this.#backlog.length > 0) {
        const batch = this.#backlog
        this.#backlog = untrackedArray()
        for (const waiting of batch) yield* this.#ended(waiting, this.#fork(waiting.hook))
      }
      if (this.#dropped === 0) return
      const dropped = this.#dropped
      this.#dropped = 0
      yield* Effect.logWarning(`hooks caught up: ${dropped} events were dropped`)
    })
  }

  /** Waits for what was told, but not for long, and runs nothing more. */
  get close(): Effect.Effect<void> {
    return this.#none.await.pipe(
      Effect.timeoutOrElse({
        duration: hookMillis,
        orElse: () => Effect.logWarning(`the worker ends before its hooks: ${this.#waiting} events are dropped`)
      }),
      Effect.ensuring(
        Effect.sync(() => {
          this.#closed = true
          this.#runner?.interruptUnsafe()
          // what it uses goes with the worker
          this.#current?.interruptUnsafe()
        })
      )
    )
  }

  #fork<A>(effect: Effect.Effect<A, unknown>): Fiber.Fiber<A, unknown> {
    return Effect.runForkWith(this.#services)(effect)
  }

  /** Waits for a hook, and says how it failed. It is a root fiber: one that ignores its interruption is left behind. */
  #ended({ jobId, name, queue }: Waiting, fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<void> {
    const failure = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> => {
      this.#waiting--
      if (Exit.isSuccess(exit)) return Effect.void
      // as text: a logger that reads a hostile error would throw, and end this loop
      const text = this.#redact(describe(Cause.squash(exit.cause)), { queue, kind: "", id: jobId })
      return Effect.logWarning(`hook ${name} of job ${jobId} failed: ${text}`)
    }
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return failure(exit)
    this.#current = fiber
    return Effect.flatMap(
      Effect.timeoutOption(Fiber.await(fiber), hookMillis),
      Option.match({
        onSome: failure,
        onNone: () => {
          this.#waiting--
          fiber.interruptUnsafe()
          return Effect.logWarning(`hook ${name} of job ${jobId} is interrupted: it took over ${hookMillis} ms`)
        }
      })
    )
  }
}
