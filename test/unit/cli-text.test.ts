import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import { valueOf } from "../../src/cli/encoded.ts"
import { codeOf, exitCodes } from "../../src/cli/exit-code.ts"
import { NotPossible } from "../../src/cli/errors.ts"
import { age, count, instant, oneLine, perSecond, plural, printable, relative, size } from "../../src/cli/format.ts"
import { makeUi } from "../../src/cli/output.ts"
import { bar } from "../../src/cli/progress.ts"
import { report } from "../../src/cli/report.ts"
import { scheduleTable } from "../../src/cli/schedule-text.ts"
import { record, table } from "../../src/cli/table.ts"
import { queueTable } from "../../src/cli/queue-text.ts"
import { crop } from "../../src/cli/top-text.ts"
import { mermaidText } from "../../src/cli/workflow-text.ts"

const plain = { title: (text: string) => text }

describe("schedules", () => {
  it("say when nobody seems to tick them", () => {
    const now = 1_000_000
    const schedule = {
      ...{ name: "nightly", queue: "q", kind: "k", when: { everyMillis: 60_000 }, missed: "latest", overlap: "allow" },
      ...{ priority: 5, maxAttempts: 3, tags: [], payload: "{}", retainMillis: 0, paused: false, runs: 1, skipped: 0 }
    } as const
    const states = [now + 1000, now - 9000, now - 11_000].map((next) =>
      scheduleTable(makeUi(now, false, undefined), [{ ...schedule, next }] as never)
    )

    assert.match(states[0]!, /ticking$/)
    assert.match(states[1]!, /ticking$/)
    assert.match(states[2]!, /late: does a worker run\?$/)
  })
})

describe("queues", () => {
  it("say whether anybody serves them, and loudly when jobs wait", () => {
    const painting = { ...makeUi(0, false, undefined), red: (text: string) => `${text}!` }
    const states = [
      { workers: 1, pending: 1, paused: false },
      { workers: 0, pending: 0, paused: false },
      { workers: 0, pending: 1, paused: false },
      { workers: 1, pending: 1, paused: true }
    ].map(({ paused, pending, workers }) =>
      queueTable(painting, [
        { name: "q", paused, workers, depths: { pending, active: 0, scheduled: 0, retry: 0, dead: 0 }, counters: {} }
      ] as never)
    )

    assert.match(states[0]!, / running$/)
    assert.match(states[1]!, / no workers$/)
    assert.match(states[2]!, / no workers!$/)
    assert.match(states[3]!, / paused$/)
  })
})

describe("figures", () => {
  it("ages have two units at most", () => {
    const ages = [0, 999, 1000, 61_000, 3_600_000, 90_061_000, 86_400_000, 86_405_000].map(age)

    assert.deepStrictEqual(ages, ["0ms", "999ms", "1s", "1m 1s", "1h", "1d 1h", "1d", "1d"])
  })

  it("instants are absolute in UTC and relative to now", () => {
    const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

    assert.strictEqual(instant(now), "2026-01-02 03:04:05Z")
    assert.deepStrictEqual(
      [now - 65_000, now + 5000, now + 300].map((at) => relative(at, now)),
      ["1m 5s ago", "in 5s", "now"]
    )
  })

  it("sizes, counts and rates suit their magnitude", () => {
    assert.deepStrictEqual([512, 2048, 5_242_880].map(size), ["512 B", "2.0 KiB", "5.0 MiB"])
    assert.deepStrictEqual([0, 999, 1_234_567].map(count), ["0", "999", "1,234,567"])
    assert.deepStrictEqual([0, 0.25, 12.4].map(perSecond), ["0/s", "0.25/s", "12/s"])
    assert.deepStrictEqual([plural(1, "job"), plural(2000, "job")], ["1 job", "2,000 jobs"])
  })

  it("an error cannot disturb the terminal", () => {
    assert.strictEqual(oneLine("\u001B[2Jgone\u0007\nsecond line"), " [2Jgone ")
  })

  it("nothing that is shown can disturb the terminal, colours, lines and tabs aside", () => {
    const ui = makeUi(0, true, undefined)
    const hostile = "\u001B]0;title\u0007 \u001B[2J\u009B2J\u202Eback\tand\nforth \u001B[8mhidden"
    const harmless = " ]0;title   [2J 2J back\tand\nforth  [8mhidden"

    assert.strictEqual(printable(ui.red("red") + hostile), ui.red("red") + harmless)
    assert.notInclude(ui.record([["Log", hostile]]), "\u001B]")
    assert.notInclude(ui.table([{ title: "ERROR" }], [[hostile]]), "\u009B")
  })

  it("nor can what is said to have gone wrong", async () => {
    const said: Array<unknown> = []
    const console: Console.Console = { ...globalThis.console, error: (text: unknown) => said.push(text) }

    await Effect.runPromise(
      Effect.provideService(report(new NotPossible({ why: "\u001B[2Jgone" }), false), Console.Console, console)
    )

    assert.deepStrictEqual(said, ["winter:  [2Jgone"])
  })
})

describe("tables", () => {
  const columns = [{ title: "NAME" }, { title: "N", right: true }, { title: "ERROR", shrinks: true }]

  it("columns are as wide as their widest cell, numbers to the right", () => {
    const text = table(
      columns,
      [
        ["a", "1", "none"],
        ["longer", "20", ""]
      ],
      plain
    )

    assert.strictEqual(text, "NAME     N  ERROR\na        1  none\nlonger  20")
  })

  it("wide letters and colours keep columns in line", () => {
    const text = table(
      columns,
      [
        ["日本", "1", "x"],
        ["\u001B[31mred\u001B[0m", "2", "y"]
      ],
      plain
    )

    assert.strictEqual(text, "NAME  N  ERROR\n日本  1  x\n\u001B[31mred\u001B[0m   2  y")
  })

  it("one column gives way on a narrow terminal", () => {
    const text = table(columns, [["a", "1", "a very long error that never ends"]], { ...plain, width: 24 })

    assert.strictEqual(text, "NAME  N  ERROR\na     1  a very long er…")
  })

  it("records leave out what is not there, and indent further lines", () => {
    assert.strictEqual(
      record(
        [
          ["A", "1"],
          ["Long", "x\ny"],
          ["No", undefined]
        ],
        (t) => t
      ),
      "A     1\nLong  x\n      y"
    )
  })

  it("without colours there is no escape sequence", () => {
    const [off, on] = [makeUi(0, false, undefined), makeUi(0, true, undefined)]

    assert.strictEqual(off.red("x") + off.table(columns, [["a", "b", "c"]]).slice(0, 4), "xNAME")
    assert.strictEqual(on.red("x"), "\u001B[31mx\u001B[0m")
  })
})

describe("the live view", () => {
  it("a line is cut to the terminal, with its colours closed", () => {
    assert.strictEqual(crop("abcdef", 6), "abcdef")
    assert.strictEqual(crop("\u001B[31mabcdef\u001B[0m", 3), "\u001B[31mabc\u001B[0m")
  })
})

describe("progress", () => {
  it("a bar tells part and whole", () => {
    assert.strictEqual(bar("purging", 500, 1000), "purging [###############---------------]  50% 500/1,000")
    assert.strictEqual(bar("purging", 0, 0), "purging [##############################] 100% 0/0")
    assert.match(bar("purging", 20, 10), / 100% /)
  })
})

describe("payloads", () => {
  it("numbers keep all their digits", () => {
    const text = '{"id":12345678901234567890,"small":1,"part":0.1,"big":1e400,"deep":[9007199254740993]}'

    assert.strictEqual(JSON.stringify(valueOf(text)), text)
  })

  it("what is no JSON stays a text", () => {
    assert.strictEqual(valueOf("not json"), "not json")
  })
})

describe("exit codes", () => {
  it("every error has one that is not success", () => {
    const codes = Object.values(codeOf)

    assert.isAbove(codes.length, 15)
    assert.isTrue(codes.every((code) => code > exitCodes.ok && code < 128))
  })
})

describe("graphs", () => {
  it("are drawn for documents", () => {
    const nodes = [
      { node: 0, kind: "build", state: "completed" as const, parents: [] },
      { node: 1, state: "waiting" as const, parents: [0] }
    ]

    assert.strictEqual(
      mermaidText(nodes),
      'flowchart TD\n  n0["build<br/>completed"]\n  n1["join 1<br/>waiting"]\n  n0 --> n1'
    )
  })
})
