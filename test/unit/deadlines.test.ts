import { afterEach, assert, beforeEach, describe, it, vi } from "vitest"
import { Deadlines } from "../../src/backends/redis/Deadlines.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe("deadlines", () => {
  it("call back for what is not removed in time, in order", () => {
    const deadlines = new Deadlines(100)
    const late: Array<string> = []
    const removed = () => late.push("removed")
    deadlines.add(() => late.push("first"))
    deadlines.add(removed)
    vi.advanceTimersByTime(50)
    deadlines.add(() => late.push("second"))
    deadlines.remove(removed)

    vi.advanceTimersByTime(60)
    const early = [...late]
    vi.advanceTimersByTime(60)

    assert.deepStrictEqual([early, late], [["first"], ["first", "second"]])
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("have one timer, though who is late calls again at once", () => {
    const deadlines = new Deadlines(100)
    let calls = 0
    const again = (): void => {
      calls++
      deadlines.add(() => again())
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
