import fc from "fast-check"
import { afterEach, assert, beforeEach, describe, it, vi } from "vitest"
import { Deadline, Deadlines } from "../../src/backends/redis/Deadlines.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

class Calling extends Deadline {
  readonly late: () => void

  constructor(late: () => void) {
    super()
    this.late = late
  }
}

describe("deadlines", () => {
  it("call back for what is not removed in time, in order", () => {
    const deadlines = new Deadlines(100)
    const late: Array<string> = []
    const removed = new Calling(() => late.push("removed"))
    deadlines.add(new Calling(() => late.push("first")))
    deadlines.add(removed)
    vi.advanceTimersByTime(50)
    deadlines.add(new Calling(() => late.push("second")))
    deadlines.remove(removed)

    vi.advanceTimersByTime(60)
    const early = [...late]
    vi.advanceTimersByTime(60)

    assert.deepStrictEqual([early, late], [["first"], ["first", "second"]])
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("leave their places in any order, and again without harm", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(7), fc.boolean()), { maxLength: 40 }), (steps) => {
        const deadlines = new Deadlines(100)
        const late: Array<number> = []
        const all = Array.from({ length: 8 }, (_, i) => new Calling(() => late.push(i)))
        const expected = new Set<number>()
        for (const [i, isAdded] of steps) {
          if (isAdded && !expected.has(i)) {
            deadlines.add(all[i]!)
            expected.add(i)
          } else if (!isAdded) {
            deadlines.remove(all[i]!)
            expected.delete(i)
          }
        }

        vi.advanceTimersByTime(200)

        assert.deepStrictEqual(late, [...expected])
        assert.strictEqual(vi.getTimerCount(), 0)
      })
    )
  })

  it("have one timer, though who is late calls again at once", () => {
    const deadlines = new Deadlines(100)
    let calls = 0
    const again = (): void => {
      calls++
      deadlines.add(new Calling(again))
    }
    for (let i = 0; i < 5; i++) {
      again()
      vi.advanceTimersByTime(7)
    }

    const counts = new Set<number>()
    for (let step = 0; step < 1000; step++) {
      vi.advanceTimersByTime(1)
      counts.add(vi.getTimerCount())
    }

    assert.deepStrictEqual([...counts], [1])
    assert.isAbove(calls, 40)
  })
})
