import { assert, describe, it } from "@effect/vitest"
import type { NewNode, WorkflowRecord } from "../../../src/ports/WorkflowStore.ts"
import { check, invariants } from "../../support/history/check.ts"
import { type FinalState, type History, mergeEvents } from "../../support/history/History.ts"
import { leaseMillis, Story } from "../../support/history/Story.ts"

const broken = (history: History): ReadonlyArray<string> => [
  ...new Set(check(history).violations.map(({ invariant }) => invariant))
]

const said = (history: History): string =>
  check(history)
    .violations.map(({ invariant, jobs, message }) => `${invariant} ${jobs.join(" ")} ${message}`)
    .join("\n")

const completed = () => new Story().enqueue("a").runs("a", 1).finds("a", "completed", { result: "1" })

/** Its first worker stopped breathing, and the second one took over. */
const rescued = (pauseMillis = leaseMillis) =>
  new Story()
    .enqueue("a")
    .claim("a", 1)
    .start("a", 1)
    .after(pauseMillis)
    .count("rescued")
    .claim("a", 2, "w2", { attempt: 2, rescues: 1 }, { rescued: ["a"] })
    .start("a", 2, "w2")

const retry = { _tag: "Retry", jobId: "a", delayMillis: 0, error: "" } as const

describe("the checker accepts", () => {
  it("a job that runs once", () => {
    assert.strictEqual(said(completed().history()), "")
  })

  it("a job that is taken over once its lease is over", () => {
    const story = rescued()
      .end("a", 1)
      .complete("a", 1, "w1", { settled: ["stale"] })
      .count("stale")
      .end("a", 2, "w2")
      .complete("a", 2, "w2")
      .count("completed")
      .finds("a", "completed", { result: "2" })
    const { figures } = check(story.history())

    assert.strictEqual(said(story.history()), "")
    assert.deepInclude(figures, { runs: 2, rerunsAfterRescue: 1, duplicated: 0, overlaps: 1, staleRefused: 1 })
  })

  it("a job that fails, and runs again", () => {
    const story = new Story()
      .enqueue("a")
      .claim("a", 1)
      .start("a", 1)
      .say({ _tag: "HandlerEnded", outcome: "failed", queue: "q", jobId: "a", token: 1, attempt: 1 })
      .exchange({ settle: [{ ...retry, token: 1 }] }, {})
      .count("retried")
      .runs("a", 2)
      .finds("a", "completed", { result: "2" })

    assert.strictEqual(said(story.history()), "")
    assert.deepInclude(check(story.history()).figures, { rerunsAskedFor: 1, duplicated: 0 })
  })

  it("a call without an answer that took effect", () => {
    const story = new Story()
      .enqueue("a", { retainMillis: 0 })
      .claim("a", 1)
      .start("a", 1)
      .end("a", 1)
      .call(
        "exchange",
        [{ queue: "q", worker: "w1", settlements: [{ _tag: "Complete", jobId: "a", token: 1 }] }],
        undefined
      )
      .count("completed", "removed")

    assert.strictEqual(said(story.history()), "")
  })

  it("says of each invariant how often it was tested, or why not", () => {
    const { verdicts } = check(completed().history())

    assert.deepStrictEqual(
      Object.keys(verdicts),
      Array.from({ length: 17 }, (_, i) => `I${i + 1}`)
    )
    for (const { checked, inapplicable } of Object.values(verdicts)) {
      assert.strictEqual(checked > 0, inapplicable === undefined)
    }
    assert.strictEqual(verdicts["I13"]?.inapplicable, "no schedule ticked")
  })
})

/** One workflow of two nodes in a row. */
const chain = (
  state: WorkflowRecord["state"],
  stories: (story: Story) => Story,
  nodes: FinalState["workflows"][number]["nodes"] = []
) => {
  const job = { queue: "q", job: { kind: "k", payload: "", priority: 5, maxAttempts: 3, retainMillis: 1000 } }
  const given: ReadonlyArray<NewNode> = [
    { job, parents: [], children: [1] },
    { job, parents: [0], children: [] }
  ]
  const spec = {
    id: "f",
    name: "f",
    policy: "stop",
    nodes: given,
    fingerprint: "",
    retainMillis: 1,
    retainFailedMillis: 1
  } as const
  const counts = { total: 2, waiting: 0, open: 0, completed: 0, failed: 0, stopped: 0, createdAt: 0 }
  const record = { id: "f", name: "f", state, policy: "stop" as const, ...counts }
  const told = stories(new Story().call("create", [spec], { _tag: "Created", createdAt: 0, lookAt: 0 })).say({
    _tag: "Healed"
  })
  return told
    .say({ _tag: "Drained", afterMillis: 0, withinMillis: 1, open: 0 })
    .history({}, { workflows: [{ record, nodes }] })
}

const member = (node: number) => ({ member: { workflow: "f", node, generation: 0 } })

const healed = (story: Story, open = 0, afterMillis = 0) =>
  story.say({ _tag: "Healed" }).say({ _tag: "Drained", afterMillis, withinMillis: 10, open })

/** Histories of stores that are wrong, and what is wrong with them. */
const bad: ReadonlyArray<readonly [invariant: string, what: string, history: () => History]> = [
  ["I1", "an accepted job is not stored", () => new Story().enqueue("a").history()],
  ["I1", "a record is gone before its time", () => completed().history({ jobs: {} })],
  [
    "I1",
    "a producer is told of a job that never was stored",
    () => completed().say({ _tag: "Accepted", queue: "q", jobId: "b", outcome: "Enqueued" }).history()
  ],
  [
    "I2",
    "a job completes without a handler",
    () =>
      completed()
        .enqueue("b")
        .claim("b", 2)
        .complete("b", 2)
        .count("completed")
        .finds("b", "completed", { result: "2" })
        .history()
  ],
  ["I2", "a job is completed by nobody", () => completed().enqueue("b").finds("b", "completed").history()],
  [
    "I3",
    "a job is in two lists",
    () => {
      const history = completed().history()
      const [view] = history.final.queues
      return {
        ...history,
        final: { queues: [{ ...view!, lists: { ...view!.lists, dead: view!.lists.completed } }], workflows: [] }
      }
    }
  ],
  ["I3", "a job is in two indexes", () => completed().history({ indexes: { a: ["pending", "active"] } })],
  [
    "I4",
    "a job ends twice",
    () =>
      completed()
        .call("cancel", [{ queue: "q", jobId: "a", reason: "" }], "cancelled")
        .history()
  ],
  ["I4", "an end does not last", () => completed().finds("a", "pending").history()],
  ["I5", "a stale attempt completes the job", () => rescued().complete("a", 1).history()],
  [
    "I5",
    "a stale lease is extended",
    () =>
      rescued()
        .call("extendLeases", [{ queue: "q", worker: "w1", leases: [{ jobId: "a", token: 1 }], leaseMillis }], ["held"])
        .history()
  ],
  [
    "I5",
    "a stale attempt writes progress",
    () =>
      rescued()
        .call("annotate", [{ queue: "q", jobId: "a", token: 1, progress: "1" }], true)
        .history()
  ],
  [
    "I5",
    "a result is not that of the attempt that completed it",
    () => completed().finds("a", "completed", { result: "7" }).history()
  ],
  [
    "I6",
    "a claim is handed to two workers",
    () => new Story().enqueue("a").claim("a", 1).claim("a", 2, "w2").history()
  ],
  [
    "I6",
    "a token is smaller than the one before",
    () => new Story().enqueue("a").claim("a", 2).claim("a", 1, "w2").history()
  ],
  ["I6", "a lease is taken back before its time", () => rescued(leaseMillis - 1).history()],
  ["I6", "a job runs that was never handed out", () => completed().start("a", 9).history()],
  ["I6", "a job is handed out that was never enqueued", () => completed().claim("b", 2).history()],
  [
    "I6",
    "a job runs twice at once",
    () =>
      new Story()
        .enqueue("a")
        .claim("a", 1)
        .start("a", 1)
        .exchange({ settle: [{ ...retry, token: 1 }] }, {})
        .claim("a", 2, "w2")
        .start("a", 2, "w2")
        .history()
  ],
  [
    "I7",
    "a claim asked again hands out more",
    () =>
      new Story()
        .enqueue("a")
        .enqueue("b")
        .claim("a", 1)
        .exchange(
          { claim: 1 },
          {
            claimed: [
              {
                id: "b",
                token: 2,
                kind: "k",
                payload: "",
                priority: 5,
                attempt: 1,
                maxAttempts: 3,
                rescues: 0,
                snoozes: 0,
                enqueuedAt: 0,
                dueAt: 0,
                headers: {},
                tags: []
              }
            ]
          }
        )
        .history()
  ],
  ["I7", "a settlement is applied twice", () => completed().complete("a", 1).history()],
  ["I7", "an attempt is started twice", () => completed().start("a", 1).history()],
  ["I7", "a job is stored twice", () => completed().enqueue("a").history()],
  ["I8", "a job is neither stored nor removed", () => completed().count("enqueued").history()],
  ["I8", "a counter does not equal a recount", () => completed().count("retried").history()],
  [
    "I9",
    "a later job is claimed first",
    () => new Story().enqueue("a").enqueue("b").claim("b", 1).claim("a", 2).history()
  ],
  [
    "I9",
    "a job of a lesser priority is claimed first",
    () => new Story().enqueue("a", { priority: 9 }).enqueue("b", { priority: 1 }).claim("a", 1).claim("b", 2).history()
  ],
  [
    "I10",
    "more jobs are active than allowed",
    () =>
      new Story()
        .call("setLimits", ["q", { maxActive: 1 }], null as never)
        .enqueue("a")
        .enqueue("b")
        .claim("a", 1)
        .claim("b", 2)
        .history()
  ],
  [
    "I10",
    "more jobs start than their rate allows",
    () =>
      new Story()
        .call("setRateLimit", ["q", "k", { limit: 1, perMillis: 1000, burst: 1 }], null as never)
        .enqueue("a")
        .enqueue("b")
        .claim("a", 1)
        .claim("b", 2)
        .history()
  ],
  [
    "I11",
    "two jobs hold one key",
    () =>
      new Story()
        .enqueue("a", { uniqueKey: "u" })
        .enqueue("b", { uniqueKey: "u" })
        .finds("a", "pending")
        .finds("b", "pending")
        .history()
  ],
  [
    "I11",
    "a key is held by a job that has ended",
    () =>
      new Story()
        .enqueue("a", { uniqueKey: "u" })
        .runs("a", 1)
        .finds("a", "completed", { result: "1" })
        .enqueue("b", { uniqueKey: "u" }, { _tag: "Duplicate", of: "a" })
        .history()
  ],
  [
    "I12",
    "a step runs before its parent has ended",
    () => chain("completed", (story) => story.enqueue("f.0.0", member(0)).enqueue("f.1.0", member(1)))
  ],
  [
    "I12",
    "a join runs twice",
    () =>
      chain("completed", (story) =>
        story.enqueue("f.0.0", member(0)).runs("f.0.0", 1).enqueue("f.1.0", member(1)).enqueue("f.1.0x", member(1))
      )
  ],
  [
    "I12",
    "a workflow never ends",
    () => chain("running", (story) => story.enqueue("f.0.0", member(0)).runs("f.0.0", 1))
  ],
  [
    "I12",
    "a step goes on after its workflow has ended",
    () =>
      chain("failed", (story) => story.enqueue("f.0.0", member(0)).finds("f.0.0", "active"), [
        { node: 0, state: "open", queue: "q", jobId: "f.0.0", parents: [] }
      ])
  ],
  [
    "I13",
    "a tick is carried out twice",
    () => {
      const tick = { queue: "q", name: "s", version: 1, expected: 1, skipped: 0, overlap: "allow" } as const
      return completed().call("tick", [tick], "skipped").call("tick", [tick], "skipped").history()
    }
  ],
  [
    "I13",
    "a tick gives two jobs",
    () =>
      completed()
        .say({ _tag: "Ticked", schedule: "s", instant: 1, queue: "q", jobId: "a", outcome: "Enqueued" })
        .say({ _tag: "Ticked", schedule: "s", instant: 1, queue: "q", jobId: "b", outcome: "Enqueued" })
        .history()
  ],
  ["I14", "something is left over", () => completed().history({}, { leftovers: { records: 1 } })],
  ["I15", "a job does not end", () => healed(new Story().enqueue("a").finds("a", "pending"), 1).history()],
  ["I15", "draining takes too long", () => healed(completed(), 0, 11).history()],
  ["I16", "a loop dies", () => completed().say({ _tag: "Problem", message: "a loop failed" }).history()],
  [
    "I16",
    "a stale write is not counted",
    () =>
      rescued()
        .complete("a", 1, "w1", { settled: ["stale"] })
        .history()
  ],
  [
    "I16",
    "a process spins",
    () => {
      const story = completed()
      for (let i = 0; i < 2000; i++) story.call("promote", ["q", 1], 0)
      return story.history()
    }
  ],
  [
    "I17",
    "an unfit store is written to",
    () => completed().say({ _tag: "Unsuitable", reason: "read-only" }, "producer").enqueue("b").history()
  ]
]

describe("the checker rejects", () => {
  for (const [invariant, what, history] of bad) {
    it(`${invariant} ${what}`, () => {
      assert.include(broken(history()), invariant, said(history()))
    })
  }

  it("a history for each invariant", () => {
    const shown = new Set(bad.map(([invariant]) => invariant))

    assert.deepStrictEqual(
      [...shown],
      invariants.map(({ id }) => id)
    )
  })
})

describe("merged histories", () => {
  it("keep the order of clocks, and number calls apart", () => {
    const one = new Story().enqueue("a").events
    const other = new Story().after(1).enqueue("b").events
    const merged = mergeEvents(other, one)

    assert.deepStrictEqual(
      merged.map(({ seq }) => seq),
      [0, 1, 2, 3]
    )
    assert.deepStrictEqual(
      merged.map((event) => ("call" in event ? event.call : -1)),
      [0, 0, 1, 1]
    )
  })
})
