import type * as Scheduler from "effect/Scheduler"

/**
 * Runs fibers in an order that a seed decides: where each one pauses, and which goes on next. Effect's own scheduler lets
 * a fiber run for thousands of steps, so that races between fibers never show.
 */
export class ShuffleScheduler implements Scheduler.Scheduler {
  readonly executionMode = "async" as const
  readonly #tasks: Array<() => void> = []
  #seed: number

  constructor(seed: number) {
    this.#seed = seed >>> 0
  }

  /** From 0 to 1: mulberry32. */
  readonly random = (): number => {
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0
    let bits = Math.imul(this.#seed ^ (this.#seed >>> 15), this.#seed | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }

  /** Asked before every step of a fiber. */
  shouldYield(): boolean {
    return this.random() < 0.25
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return {
      scheduleTask: (task) => {
        this.#tasks.push(task)
        setImmediate(this.#step)
      },
      flush: () => {
        while (this.#tasks.length > 0) this.#step()
      }
    }
  }

  readonly #step = (): void => this.#tasks.splice(Math.floor(this.random() * this.#tasks.length), 1)[0]?.()
}
