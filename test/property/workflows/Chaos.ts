import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { JobStore } from "../../../src/ports/JobStore.ts"
import { StoreError } from "../../../src/ports/StoreError.ts"
import { WorkflowStore } from "../../../src/ports/WorkflowStore.ts"

const lost = (operation: string) =>
  Effect.fail(new StoreError({ operation, retryable: true, reason: "unavailable", cause: new Error("trouble") }))

type Method = (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, StoreError>

/**
 * Processes that share stores, one call at a time. Every call stops before and after, so that any other process may
 * come between; it may fail, lose its reply, be sent twice, or never come back because its process dies.
 */
export class Chaos {
  #trouble: number
  #bugs: Array<unknown> = []
  readonly #waiting: Array<Deferred.Deferred<void>> = []
  readonly #processes = new Set<Fiber.Fiber<unknown, unknown>>()
  #seed: number
  #underway = 0

  constructor(seed: number, trouble: number) {
    this.#seed = seed >>> 0
    this.#trouble = trouble
  }

  /** From 0 to 1: mulberry32. */
  readonly random = (): number => {
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0
    let bits = Math.imul(this.#seed ^ (this.#seed >>> 15), this.#seed | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }

  below(count: number): number {
    return Math.floor(this.random() * count)
  }

  get #strikes(): boolean {
    return this.random() < this.#trouble
  }

  /** Stops until somebody lets it go on. */
  readonly gate: Effect.Effect<void> = Effect.suspend(() => {
    const gate = Deferred.makeUnsafe<void>()
    this.#waiting.push(gate)
    return Effect.onInterrupt(Deferred.await(gate), () =>
      Effect.sync(() => {
        const at = this.#waiting.indexOf(gate)
        if (at >= 0) this.#waiting.splice(at, 1)
      })
    )
  })

  #troubled(name: string, method: Method): Method {
    return (...args) =>
      Effect.gen({ self: this }, function* () {
        yield* this.gate
        if (this.#strikes) return yield* lost(name)
        const twice = this.#strikes
        const call = Effect.suspend(() => method(...args))
        this.#underway++
        const answer = yield* call.pipe(
          Effect.andThen((first) => (twice ? call : Effect.succeed(first))),
          Effect.ensuring(Effect.sync(() => this.#underway--)),
          Effect.uninterruptible
        )
        yield* this.gate
        if (this.#strikes) return yield* lost(name)
        return answer
      })
  }

  #all<S extends object>(service: S): S {
    const entries = Object.entries(service).map(([name, method]) => [name, this.#troubled(name, method as Method)])
    return Object.fromEntries(entries) as S
  }

  /** Starts a process, which sees troubled stores. */
  readonly spawn = <A, E, R>(
    process: Effect.Effect<A, E, R>
  ): Effect.Effect<void, never, R | JobStore | WorkflowStore> =>
    Effect.gen({ self: this }, function* () {
      const jobs = this.#all(yield* JobStore)
      const workflows = this.#all(yield* WorkflowStore)
      const services = Context.make(JobStore, JobStore.of(jobs)).pipe(
        Context.add(WorkflowStore, WorkflowStore.of(workflows))
      )
      const fiber = yield* process.pipe(
        Effect.catch(() => Effect.void),
        Effect.catchDefect((defect) => Effect.sync(() => this.#bugs.push(defect))),
        Effect.provideContext(services),
        Effect.forkDetach
      )
      this.#processes.add(fiber)
      fiber.addObserver(() => this.#processes.delete(fiber))
      yield* this.settle
    })

  /** Waits until every process waits at a gate. */
  readonly settle: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    for (let i = 0; i < 3; i++) yield* Effect.yieldNow
    while (this.#underway > 0) yield* Effect.yieldNow
    for (let i = 0; i < 3; i++) yield* Effect.yieldNow
  })

  /** From now on nothing goes wrong. */
  calm(): void {
    this.#trouble = 0
  }

  /** Dies of the first bug that a process met. */
  readonly rethrow: Effect.Effect<void> = Effect.suspend(() =>
    this.#bugs.length === 0 ? Effect.void : Effect.die(this.#bugs[0])
  )

  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  get isIdle(): boolean {
    return this.#processes.size === 0
  }

  /** Lets one call go on. */
  readonly step: Effect.Effect<void> = Effect.suspend(() => {
    const [gate] = this.#waiting.splice(this.below(this.#waiting.length), 1)
    return gate === undefined ? Effect.void : Effect.andThen(Deferred.succeed(gate, undefined), this.settle)
  })

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    const fiber = [...this.#processes][this.below(this.#processes.size)]
    return fiber === undefined ? Effect.void : Fiber.interrupt(fiber)
  })

  readonly killAll: Effect.Effect<void> = Effect.suspend(() => Fiber.interruptAll([...this.#processes]))
}
