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

/** Runs hooks where they hurt nobody: in one fiber, one after the other, each for a limited time. */
export class HookRunner {
  readonly #hooks: AnyHooks
  readonly #services: Context.Context<never>
  #backlog = untrackedArray<Waiting>()
  /** Events of the backlog, and of the batch that is being run. */
  #waiting = 0
  #dropped = 0
  readonly #some = Latch.makeUnsafe(false)
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
    if (hook === undefined) return
    if (this.#waiting >= backlogLimit) {
      if (this.#dropped++ === 0) {
        this.#fork(Effect.logWarning(`hooks fall behind: ${backlogLimit} events wait, more are dropped`))
      }
      return
    }
    this.#waiting++
    const waiting = new Waiting(
      name,
      event.queue,
      event.jobId,
      Effect.suspend(() => hook(event))
    )
    this.#backlog.push(waiting)
    this.#none.closeUnsafe()
    this.#some.openUnsafe()
  }

  /** Runs what is told, for ever. */
  get run(): Effect.Effect<never> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        yield* this.#some.await
        const batch = this.#backlog
        this.#backlog = untrackedArray()
        this.#some.closeUnsafe()
        for (const waiting of batch) {
          yield* this.#perform(waiting)
          this.#waiting--
        }
        if (this.#waiting > 0) continue
        this.#none.openUnsafe()
        if (this.#dropped === 0) continue
        yield* Effect.logWarning(`hooks caught up: ${this.#dropped} events were dropped`)
        this.#dropped = 0
      }
    })
  }

  /** Waits for what was told, but not for long. */
  get drain(): Effect.Effect<void> {
    return this.#none.await.pipe(
      Effect.timeoutOrElse({
        duration: hookMillis,
        orElse: () => Effect.logWarning(`the worker ends before its hooks: ${this.#waiting} events are dropped`)
      })
    )
  }

  #fork<A>(effect: Effect.Effect<A, unknown>): Fiber.Fiber<A, unknown> {
    return Effect.runForkWith(this.#services)(effect)
  }

  #perform({ hook, jobId, name, queue }: Waiting): Effect.Effect<void> {
    return Effect.suspend(() => {
      // a root fiber: one that ignores its interruption is left behind, and holds nobody up
      const fiber = this.#fork(hook)
      const done = fiber.pollUnsafe()
      const failure = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> => {
        if (Exit.isSuccess(exit)) return Effect.void
        // as text: a logger that reads a hostile error would throw, and end this loop
        const text = this.#redact(describe(Cause.squash(exit.cause)), { queue, kind: "", id: jobId })
        return Effect.logWarning(`hook ${name} of job ${jobId} failed: ${text}`)
      }
      if (done !== undefined) return failure(done)
      return Effect.flatMap(
        Effect.timeoutOption(Fiber.await(fiber), hookMillis),
        Option.match({
          onSome: failure,
          onNone: () => {
            fiber.interruptUnsafe()
            return Effect.logWarning(`hook ${name} of job ${jobId} is interrupted: it took over ${hookMillis} ms`)
          }
        })
      )
    })
  }
}
