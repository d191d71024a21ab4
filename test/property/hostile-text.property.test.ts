import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import fc from "fast-check"
import {
  decodeEnded,
  decodeEndings,
  decodeEnqueued,
  decodeJob,
  encodeEnded,
  encodeNewJob,
  parseText,
  type RawJob
} from "../../src/backends/redis/codec.ts"
import { cutting, decodeClaimed, decodeOutcomes } from "../../src/backends/redis/exchange-codec.ts"
import { decodeNotice } from "../../src/backends/redis/notices.ts"
import { decodeSchedule } from "../../src/backends/redis/schedule-store.ts"
import { decodeNodes, decodeStarts, decodeWorkflow, encodeNode } from "../../src/backends/redis/workflow-codec.ts"
import { boundedText } from "../../src/domain/bounded-text.ts"
import { describe as describeError } from "../../src/domain/describe.ts"
import type { Ended, JobState } from "../../src/domain/Job.ts"
import { Keyring } from "../../src/features/encryption/Keyring.ts"
import { decode as decodeReport } from "../../src/features/worker/WorkerReport.ts"
import { parsePlace } from "../../src/ports/checks.ts"
import type { NewJob } from "../../src/ports/JobStore.ts"

const any = fc.string({ unit: "binary", maxLength: 60 })

/** Pieces that records are made of, so that some texts come close to being one. */
const piece = fc.oneof(
  any,
  fc.constantFrom(
    "\n",
    ",",
    ":",
    ".",
    "0",
    "1",
    "-1",
    "1e400",
    "9".repeat(400),
    "{",
    "}",
    "[]",
    `"`,
    `""`,
    "null",
    "\0"
  ),
  fc.constantFrom("c", "C", "d", "x", "e", "R", "m:", "exhausted", "crashed", "ended", "cancel", "workflow"),
  fc.constantFrom(
    `{"__proto__":{"polluted":1}}`,
    `{"headers":{"__proto__":"x"},"tags":[]}`,
    `{"headers":[],"tags":{}}`
  ),
  fc.json({ stringUnit: "binary" })
)

const rawText = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""))

const record = {
  good: "0,1,1700000000000,,5,3,0,a.kind,\n\n{}",
  run: "a5,0,1,0,0,1700000000000,,,w,1,1700000000000,,5,3,0,a.kind,",
  ledger: `1,1,2,retry,"it failed"`,
  ending: `7,0.0.flow\nC{"a":1}`,
  head: "running",
  schedule: "1,1700000000000,0,1,0,1700000000000,job,\n{}"
}

/** A text of ours with something of somebody else's in it. */
const damaged = fc
  .tuple(fc.constantFrom(...Object.values(record)), fc.nat(80), fc.nat(6), fc.oneof(piece, rawText))
  .map(([text, at, length, inserted]) => text.slice(0, at) + inserted + text.slice(at + length))

const text = fc.oneof(rawText, damaged, fc.constantFrom(...Object.values(record)))

const every = <Ts>(property: fc.IProperty<Ts>) => fc.assert(property, { numRuns: 3000 })

const isClean = () => assert.isUndefined(({} as { polluted?: unknown }).polluted)

const states: ReadonlyArray<JobState> = ["scheduled", "pending", "active", "retry", "completed", "cancelled", "dead"]

const ended: fc.Arbitrary<Ended> = fc.oneof(
  fc.record({ _tag: fc.constant("Completed" as const), result: any.map((value) => value.toWellFormed()) }),
  fc.record({
    _tag: fc.constant("Dead" as const),
    reason: fc.constantFrom("exhausted" as const, "crashed" as const, "skipped" as const, "undecodable" as const),
    error: any,
    failure: any
  }),
  fc.record({ _tag: fc.constant("Cancelled" as const), reason: any, expired: fc.boolean() })
)

/** As an exchange answers it. */
const handedOutAs = (
  ids: ReadonlyArray<string>,
  idSizes: string,
  records: ReadonlyArray<string>,
  later: ReadonlyArray<string | number>,
  firstToken: number
) => {
  const bytes = records.map((text) => Buffer.from(text))
  const sizes = `${idSizes};${bytes.map(({ length }) => length).join(",")}`
  const cut = cutting(Buffer.concat([Buffer.from(`x${ids.join(",")}`), ...bytes]))
  return { sizes, cut, from: 1, later, firstToken }
}

const handedOut = (records: ReadonlyArray<string>, later: ReadonlyArray<string | number>, firstToken: number) => {
  const ids = records.map((_, i) => `id-${i}`)
  return handedOutAs(ids, "4", records, later, firstToken)
}

describe("texts of somebody else's making", () => {
  it("make no job of a claim, or one whose numbers are numbers and whose texts are texts", () =>
    every(
      fc.property(
        fc.array(text, { maxLength: 4 }),
        fc.array(text, { maxLength: 3 }),
        fc.integer(),
        (records, later, token) => {
          for (const job of decodeClaimed(handedOut([...records, record.good], later, token)).claimed) {
            assert.isTrue(Number.isSafeInteger(job.priority) && Number.isSafeInteger(job.maxAttempts))
            assert.isTrue(typeof job.payload === "string" && typeof job.kind === "string")
            for (const [name, value] of Object.entries(job.headers)) assert.isString(name + value)
            for (const tag of job.tags) assert.isString(tag)
            assert.strictEqual(Object.getPrototypeOf(job.headers), Object.prototype)
          }
          isClean()
        }
      )
    ))

  it("are ids, whatever is in them", () =>
    every(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (ids) => {
        const texts = ids.map((id) => id.toWellFormed())
        const idSizes = texts.map((id) => Buffer.byteLength(id)).join(",")
        const records = ids.map(() => record.good)
        const { claimed } = decodeClaimed(handedOutAs(texts, idSizes, records, [], 1))
        assert.deepStrictEqual(
          claimed.map(({ id }) => id),
          texts
        )
      })
    ))

  it("are cut where their bytes are, whether they are text or not", () =>
    every(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.nat(20), fc.nat(20), (array, one, other) => {
        const bytes = Buffer.from(array)
        const [from, to] = [Math.min(one, other, bytes.length), Math.min(Math.max(one, other), bytes.length)]
        assert.strictEqual(cutting(bytes)(from, to), bytes.toString("utf8", from, to))
      })
    ))

  it("do not take the jobs of a claim along that stand beside them", () =>
    every(
      fc.property(text, text, (first, second) => {
        const { claimed, unreadable } = decodeClaimed(handedOut([record.good, first, record.good], [2, second], 1))
        assert.includeMembers(
          claimed.map(({ id }) => id),
          ["id-0", "id-2"]
        )
        assert.lengthOf([...claimed, ...unreadable], 3)
      })
    ))

  it("make a job to look at, or none", () =>
    every(
      fc.property(
        fc.constantFrom(...states),
        fc.tuple(text, text, text, text, fc.option(text), fc.option(text), fc.option(text)),
        (state, [score, given, run, ledger, ...rest]) => {
          const job = decodeJob("q", ["id", state, score, given, run, ledger, ...rest] as RawJob)
          if (job === undefined) return
          for (const number of [job.attempt, job.rescues, job.snoozes, job.priority, job.maxAttempts])
            assert.isTrue(Number.isSafeInteger(number))
          for (const failure of job.failures) assert.isString(failure.error)
          isClean()
        }
      )
    ))

  it("are ends, endings, notices, starts, nodes, workflows and outcomes, or nothing", () =>
    every(
      fc.property(fc.array(text, { maxLength: 9 }), text, (many, one) => {
        for (const answer of [decodeEnded(one), decodeNotice(one)])
          if (answer !== undefined) assert.isString(answer._tag)
        const { endings, unreadable } = decodeEndings(many)
        assert.lengthOf([...endings, ...unreadable], Math.floor(many.length / 2))
        for (const { member } of endings) assert.isTrue(Number.isSafeInteger(member.node + member.generation))
        for (const { job, queue } of decodeStarts("flow", many, 0).starts)
          assert.isString(queue + job.kind + job.payload)
        assert.isArray(decodeNodes("flow", 0, [record.head as "running", ...many]))
        assert.strictEqual(decodeWorkflow("flow", many).id, "flow")
        assert.isArray(decodeOutcomes(one))
        assert.lengthOf(decodeEnqueued(many, 0, 3), 3)
        assert.isString(parseText(one))
        const schedule = decodeSchedule("q", "name", one)
        if (schedule !== undefined) assert.isTrue(Number.isSafeInteger(schedule.version) || schedule.version > 0)
        isClean()
      })
    ))

  it("are no report of a worker, and no place in a list", () =>
    every(
      fc.property(fc.oneof(text, fc.json({ maxDepth: 8 })), (one) => {
        assert.isUndefined(decodeReport(one))
        const place = parsePlace(one)
        if (Result.isSuccess(place)) assert.isTrue(Number.isFinite(place.success.score))
        isClean()
      })
    ))

  it("nested beyond the stack are read by nobody, and end nothing", () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`
    assert.isUndefined(decodeReport(deep))
    assert.isUndefined(decodeJob("q", ["id", "pending", "1", `0,1,1,,5,3,0,k,\n${deep}\n{}`, "", "", null, null, null]))
    assert.isString(parseText(deep))
    assert.lengthOf(decodeStarts("flow", ["0", "0", `\n\nq,k\n${deep}`], 0).unreadable, 1)
  })
})

describe("texts of our own making", () => {
  it("an end is read as it was written", () =>
    every(fc.property(ended, (end) => assert.deepStrictEqual(decodeEnded(encodeEnded(end)), end))))

  it("a job is read as it was written", () =>
    every(
      fc.property(
        fc.dictionary(any, any),
        fc.array(any, { maxLength: 4 }),
        any,
        fc.integer({ min: -4096, max: 4095 }),
        (headers, tags, payload, priority) => {
          const job: NewJob = {
            id: "id",
            kind: "a.kind",
            payload,
            priority,
            maxAttempts: 3,
            retainMillis: 0,
            headers,
            tags
          }
          const { claimed } = decodeClaimed(handedOut([`0,1,1700000000000,${encodeNewJob(job)}${payload}`], [], 1))
          assert.deepInclude(claimed[0], { payload, priority, kind: "a.kind", tags })
          assert.deepStrictEqual(Object.entries(claimed[0]!.headers), Object.entries(headers))
        }
      )
    ))

  it("a node to be started is read as it was written", () =>
    every(
      fc.property(any, fc.dictionary(any, any), (payload, headers) => {
        const job = { kind: "a.kind", payload, priority: 5, maxAttempts: 3, retainMillis: 0, headers }
        const node = { job: { queue: "q", job }, parents: [], children: [] }
        const { starts } = decodeStarts("flow", ["0", "0", encodeNode(node, [node])], 0)
        assert.strictEqual(starts[0]!.job.payload, payload)
        assert.deepStrictEqual(Object.entries(starts[0]!.job.headers!), Object.entries(headers))
      })
    ))
})

const key = (byte: number) => Redacted.make(Buffer.alloc(32, byte).toString("base64"))
const ring = (keys: Readonly<Record<string, Redacted.Redacted<string>>>, current: string) =>
  Result.getOrThrow(Keyring.make({ keys, current }))

describe("encrypted texts", () => {
  const one = ring({ k1: key(1) }, "k1")
  const both = ring({ k1: key(1), k2: key(2) }, "k2")

  it("are opened as they were sealed, at their place only", () =>
    every(
      fc.property(fc.string({ unit: "grapheme" }), any, (plain, elsewhere) => {
        const sealed = one.seal(plain, ["payload", "q", "id"])
        assert.deepStrictEqual(both.open(sealed, ["payload", "q", "id"]), { _tag: "Opened", text: plain })
        assert.strictEqual(one.open(sealed, ["payload", "q", "id", elsewhere])._tag, "Broken")
        assert.notStrictEqual(one.seal(plain, ["payload", "q", "id"]), sealed)
      })
    ))

  it("are not opened when anything of them was changed", () =>
    every(
      fc.property(any, fc.nat(), piece, (plain, at, inserted) => {
        const sealed = both.seal(plain, ["p"])
        const position = at % (sealed.length + 1)
        const changed = sealed.slice(0, position) + inserted + sealed.slice(position + 1)
        // the last character of base64 may have bits that mean nothing
        fc.pre(changed.slice(0, -1) !== sealed.slice(0, -1) && !changed.startsWith(sealed.slice(0, -1)))
        assert.notStrictEqual(both.open(changed, ["p"])._tag, "Opened")
      })
    ))

  it("of any making are opened, or told from those that are not", () =>
    every(
      fc.property(
        fc.oneof(
          text,
          text.map((tail) => `wq1.${tail}`),
          text.map((tail) => `wq1.k1.${tail}`)
        ),
        (some) => {
          assert.include(["Plain", "NoKey", "Broken"], one.open(some, ["p"])._tag)
        }
      )
    ))
})

describe("error texts", () => {
  it("are well-formed and bounded, whatever was thrown", () =>
    every(
      fc.property(
        fc.oneof(fc.anything({ withBigInt: true, withMap: true, withNullPrototype: true }), any),
        (thrown) => {
          const shown = describeError(thrown)
          assert.isTrue(shown.isWellFormed())
          assert.isAtMost(shown.length, 8192)
        }
      )
    ))

  it("name the fields of a tagged error that has no message", () => {
    class Declined extends Data.TaggedError("Declined")<{ readonly code: number; readonly message?: string }> {}

    assert.match(describeError(new Declined({ code: 7 })), /^Declined \{"code":7\}\n +at /)
    assert.match(describeError(new Declined({ code: 7, message: "no" })), /^Declined: no\n +at /)
  })

  it("are cut without cutting a character", () =>
    every(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (whole, most) => {
        const cut = boundedText(whole, most)
        assert.isTrue(whole.startsWith(cut) && cut.length <= most && cut.length >= Math.min(most, whole.length) - 1)
        assert.isTrue(cut.isWellFormed())
      })
    ))
})
