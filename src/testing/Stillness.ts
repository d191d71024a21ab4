import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"

/** Whether a fiber is in a call that is counted. */
export const InCall = Context.Reference<boolean>("winterq/testing/InCall", { defaultValue: () => false })

/** Whether the sleeps of an effect are all that holds up the call in which they are taken. */
export const Delaying = Context.Reference<boolean>("winterq/testing/Delaying", { defaultValue: () => false })

/**
 * Knows when nothing moves: no fiber has a step to take, and no call to a backend is under way. Counted, not guessed:
 * every step of a fiber goes through the scheduler, every call through `during`.
 */
export class Stillness {
  readonly scheduler: Scheduler.Scheduler
  /** Grows with everything that happens. */
  moves = 0
  /** How often nothing moved. */
  rests = 0
  #steps = 0
  #calls = 0
  #isLooking = false
  readonly #dispatcher: Scheduler.SchedulerDispatcher
  readonly #waiting = new Set<() => void>()

  /** `random` decides where fibers pause and which goes on next; left out, that is as the parent does it. */
  constructor(parent: Scheduler.Scheduler, random: (() => number) | undefined) {
    this.#dispatcher = parent.makeDispatcher()
    const shuffled: Array<() => void> = []
    const one = (next: () => void) => () => {
      next()
      this.#steps--
      this.#look()
    }
    const pick = (): void => shuffled.splice(Math.floor(random!() * shuffled.length), 1)[0]?.()
    this.scheduler = {
      executionMode: parent.executionMode,
      shouldYield: (fiber) => (random !== undefined && random() < 0.25) || parent.shouldYield(fiber),
      makeDispatcher: () => {
        const dispatcher = parent.makeDispatcher()
        return {
          scheduleTask: (task, priority) => {
            this.moves++
            this.#steps++
            if (random === undefined) return dispatcher.scheduleTask(one(task), priority)
            shuffled.push(one(task))
            return dispatcher.scheduleTask(pick, priority)
          },
          flush: () => dispatcher.flush()
        }
      }
    }
  }

  /** Counts an effect as something that moves, until it ends. */
  during<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      this.moves++
      this.#calls++
      return Effect.ensuring(
        Effect.provideService(effect, InCall, true),
        Effect.sync(() => {
          this.moves++
          this.#calls--
          this.#look()
        })
      )
    })
  }

  /** A call that is counted waits for virtual time, or does so no more. */
  pauseCall(isPaused: boolean): void {
    this.moves++
    this.#calls += isPaused ? -1 : 1
    this.#look()
  }

  /** Waits until nothing moves. What promises do without input or output is waited for as well. */
  readonly wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const waiting = () => resume(Effect.void)
    this.#waiting.add(waiting)
    this.#look()
    return Effect.sync(() => this.#waiting.delete(waiting))
  })

  /** Whether it stays so for a turn of the event loop, in which pending promises go on. */
  #look(): void {
    if (this.#isLooking || this.#waiting.size === 0 || this.#steps > 0 || this.#calls > 0) return
    this.#isLooking = true
    const { moves } = this
    this.#dispatcher.scheduleTask(() => {
      this.#isLooking = false
      if (moves !== this.moves || this.#steps > 0 || this.#calls > 0) return this.#look()
      this.rests++
      // whoever goes on may wait again
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      for (const goOn of waiting) goOn()
      return undefined
    }, 0)
  }
}
