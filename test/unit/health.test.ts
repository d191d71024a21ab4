import { assert, describe, it } from "vitest"
import { liveness, readiness, type Status } from "../../src/features/health/Health.ts"

const status = (differences: Partial<Status> = {}): Status => ({
  ...{ id: "w", queues: ["q"], stopping: false, quiet: false, endedLoops: [], answeredMillisAgo: 5 },
  ...differences
})

describe("verdicts", () => {
  it("one of several that is not well decides", () => {
    const statuses = [status(), status({ storeProblem: "full" })]

    assert.deepStrictEqual(readiness(statuses), { ok: false, reason: "store", detail: "full" })
    assert.deepStrictEqual(readiness([status(), status()]), { ok: true })
  })

  it("an ended loop is neither live nor ready", () => {
    const ended = { ok: false, reason: "loop", detail: "ticker" }
    const statuses = [status(), status({ endedLoops: ["ticker"] })]

    assert.deepStrictEqual([liveness(statuses), readiness(statuses)], [ended, ended])
  })

  it("whoever was never answered has not started", () => {
    const { answeredMillisAgo: _, ...never } = status()

    assert.deepStrictEqual(readiness([never]), { ok: false, reason: "starting" })
    assert.deepStrictEqual(liveness([never]), { ok: true })
  })
})
