import { assert, describe, it } from "vitest"
import { latencyOf } from "../../src/domain/Latency.ts"
import { Activity } from "../../src/features/worker/Activity.ts"

const start = Date.UTC(2026, 0, 1)

describe("activity", () => {
  it("an attempt counts for the minute in which it ended, and no longer", () => {
    const activity = new Activity()
    activity.started(1000, start)
    activity.ended("mail", "completed", 30, start)

    const shown = [0, 59_000, 60_000].map((later) => {
      const { completed, kinds, run, wait } = activity.summary(start + later)
      return [completed, kinds.length, run.count, wait.count]
    })

    assert.deepStrictEqual(shown, [
      [1, 1, 1, 1],
      [1, 1, 1, 1],
      [0, 0, 0, 0]
    ])
  })

  it("a slot that is used again forgets what it held", () => {
    const activity = new Activity()
    activity.started(1000, start)
    activity.ended("mail", "failed", 30, start)
    activity.ended("sms", "completed", 16, start + 60_000)

    const { completed, failed, kinds, run, wait } = activity.summary(start + 60_000)

    assert.deepStrictEqual([completed, failed, wait.count], [1, 0, 0])
    assert.deepStrictEqual(kinds, [{ kind: "sms", completed: 1, failed: 0 }])
    assert.deepStrictEqual(latencyOf(run), { count: 1, meanMillis: 16, p50Millis: 16, p95Millis: 16 })
  })

  it("outcomes count by kind, the busiest first; what was put off does not", () => {
    const activity = new Activity()
    for (const outcome of ["completed", "failed", "failed", "other"] as const) activity.ended("b", outcome, 5, start)
    activity.ended("a", "completed", 5, start)
    activity.ended("c", "other", 5, start)

    const { completed, failed, kinds, run } = activity.summary(start)

    assert.deepStrictEqual([completed, failed, run.count], [2, 2, 4])
    assert.deepStrictEqual(kinds, [
      { kind: "b", completed: 1, failed: 2 },
      { kind: "a", completed: 1, failed: 0 }
    ])
  })

  it("a clock that is set back shows nothing of what is to come", () => {
    const activity = new Activity()
    activity.ended("mail", "completed", 5, start + 10_000)
    activity.ended("mail", "completed", 5, start)

    const shown = [0, 10_000].map((later) => activity.summary(start + later).completed)

    assert.deepStrictEqual(shown, [1, 2])
  })

  it("times that cannot be are taken for none", () => {
    const activity = new Activity()
    activity.started(-5, start)
    activity.started(Number.NaN, start)

    assert.deepStrictEqual(activity.summary(start).wait, { count: 2, totalMillis: 0, buckets: [2] })
  })
})
