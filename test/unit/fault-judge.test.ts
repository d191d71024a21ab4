import { assert, describe, it } from "vitest"
import { judge } from "../faults/long/judge.ts"
import type { Entry } from "../faults/support/Ledger.ts"

/** The first attempt of the first step is held up beyond its lease until `wokenAt`; the second ends at `endedAt`. */
const chainOf = (endedAt: number, wokenAt: number, childAt: number): ReadonlyArray<Entry> => {
  const tokenAt = (t: number) => t * 1024
  const run = (job: string, t: number, phase: Entry["phase"], claimedAt: number, attempt: number): Entry => ({
    t,
    proc: `${claimedAt}`,
    op: "run",
    phase,
    job,
    fence: tokenAt(claimedAt),
    attempt
  })
  const [first, second, third] = ["w.0.g", "w.1.g", "w.2.g"]
  const accepted: Entry = { t: 0, proc: "p", op: "workflow", phase: "ok", job: "w", note: "chain" }
  return [
    accepted,
    run(first, 1000, "invoke", 1000, 1),
    run(first, 100_000, "invoke", 100_000, 2),
    run(first, endedAt, "ok", 100_000, 2),
    run(second, childAt, "invoke", childAt, 1),
    run(second, childAt + 1, "ok", childAt, 1),
    run(third, childAt + 2, "invoke", childAt + 2, 1),
    run(third, childAt + 3, "ok", childAt + 2, 1),
    run(first, wokenAt, "ok", 1000, 1)
  ].toSorted((a, b) => a.t - b.t)
}

const completed = { state: "completed", attempt: 1, rescues: 0, snoozes: 0 } as const

const violationsOf = (entries: ReadonlyArray<Entry>) =>
  judge(
    entries,
    new Map([
      ["w.0.g", { ...completed, attempt: 2, rescues: 1 }],
      ["w.1.g", completed],
      ["w.2.g", completed]
    ]),
    new Map([["w", "completed"]]),
    0
  ).violations

describe("the judge of the long fault run", () => {
  it("asks of a step that some attempt of those before it had ended, not each", () => {
    assert.deepStrictEqual(violationsOf(chainOf(100_010, 200_000, 100_020)), [])
  })

  it("tells of a step that ran before any had", () => {
    assert.deepStrictEqual(violationsOf(chainOf(100_030, 200_000, 100_020)), [
      "workflow w: step 1 ran before 0 had ended"
    ])
  })
})
