import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import * as Task from "../../src/domain/Task.ts"

interface Tree {
  readonly label: string
  readonly children: ReadonlyArray<Tree>
}

const Tree = Schema.Struct({
  label: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
})

class Everything extends Task.make("everything", {
  payload: {
    text: Schema.String,
    number: Schema.Number,
    int: Schema.Int,
    big: Schema.BigInt,
    at: Schema.Date,
    bytes: Schema.Uint8Array,
    maybe: Schema.optionalKey(Schema.String),
    nullable: Schema.NullOr(Schema.Date),
    nested: Schema.Array(Schema.Array(Schema.Struct({ at: Schema.Date, tag: Schema.optionalKey(Schema.Number) }))),
    either: Schema.Union([
      Schema.Struct({ _tag: Schema.tag("A"), a: Schema.Number }),
      Schema.Struct({ _tag: Schema.tag("B"), b: Schema.Array(Schema.Boolean) })
    ]),
    dictionary: Schema.Record(Schema.String, Schema.Number),
    tree: Tree
  },
  success: Schema.Struct({ at: Schema.Date, maybe: Schema.optionalKey(Schema.Number) })
}) {}

class Anything extends Task.make("anything", { payload: Schema.Unknown }) {}
class Json extends Task.make("json", { payload: Schema.Json, success: Schema.Json }) {}
class Nothing extends Task.make("nothing", { payload: Schema.Void }) {}
class Any extends Task.make("any", { payload: Schema.Any, success: Schema.Any }) {}
const tasks: ReadonlyArray<Task.AnyTask> = [Everything, Anything, Json, Nothing, Any]

/** Well-formed or not: lone surrogates, controls, and names that objects have already. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.integer({ min: 0xd700, max: 0xe000 }).map((code) => String.fromCharCode(code)) }),
  fc.constantFrom("", "\u0000", "\u2028", "__proto__", "constructor", "\ud800", "\udc00\ud800", "null", "NaN")
)

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(2 ** 53, 1e308, 5e-324, Infinity, -Infinity, NaN, 1e21)
)
const at = fc.date({ noInvalidDate: true, min: new Date(-8.64e15), max: new Date(8.64e15) })

const { tree } = fc.letrec<{ tree: Tree; leaf: Tree }>((tie) => ({
  leaf: fc.record({ label: text, children: fc.constant([]) }),
  tree: fc.oneof(
    { maxDepth: 5 },
    tie("leaf"),
    fc.record({ label: text, children: fc.array(tie("tree"), { maxLength: 3 }) })
  )
}))

const payload = fc.record(
  {
    text,
    number,
    int: fc.maxSafeInteger(),
    big: fc.bigInt(),
    at,
    bytes: fc.uint8Array(),
    maybe: text,
    nullable: fc.option(at),
    nested: fc.array(fc.array(fc.record({ at, tag: number }, { requiredKeys: ["at"] }))),
    either: fc.oneof(
      fc.record({ _tag: fc.constant("A"), a: number }),
      fc.record({ _tag: fc.constant("B"), b: fc.array(fc.boolean()) })
    ),
    dictionary: fc.dictionary(text, number),
    tree
  },
  {
    requiredKeys: ["text", "number", "int", "big", "at", "bytes", "nullable", "nested", "either", "dictionary", "tree"]
  }
)

/** JSON has no minus zero: it arrives as 0. */
const withoutMinusZero = (value: unknown): unknown => {
  if (typeof value === "number") return value + 0
  if (Array.isArray(value)) return value.map(withoutMinusZero)
  if (value === null || typeof value !== "object" || value instanceof Date || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withoutMinusZero(field)]))
}

const get = <A, E>(exit: Exit.Exit<A, E>): A => {
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return exit.value
}

const isJson = (one: string) => {
  try {
    JSON.parse(one)
    return true
  } catch {
    return false
  }
}

/** Deeper than a stack, and than fast-check can print. */
const depth = fc.integer({ min: 1000, max: 100_000 })
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels)

/** Texts of another program, or of another version of this one, or damaged on the way. */
const damaged = fc.tuple(payload, fc.nat(), fc.nat(), text).map(([value, from, length, inserted]) => {
  const whole = get(Everything.encodePayload(value))
  const start = from % whole.length
  return whole.slice(0, start) + inserted + whole.slice(start + (length % 20))
})

const garbage = fc.oneof(text, fc.json({ stringUnit: "binary" }), damaged)

const circle: { self?: unknown } = {}
circle.self = circle

const value = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true, withTypedArray: true }),
  fc.constantFrom<unknown>(undefined, () => 1, Symbol("s"), { toJSON: () => undefined }, circle)
)

const answersText = (one: string) => {
  for (const task of tasks) {
    assert.isTrue(Exit.isExit(task.decodePayload(one)))
    assert.isTrue(Exit.isExit(task.decodeSuccess(one)))
  }
}

const answersValue = (one: unknown) => {
  for (const task of tasks) {
    for (const exit of [task.encodePayload(one), task.encodeSuccess(one)])
      if (Exit.isSuccess(exit)) assert.isTrue(isJson(exit.value), `${task.kind}: ${exit.value}`)
  }
}

const every = (property: fc.IProperty<unknown>, numRuns = 1000) => fc.assert(property, { numRuns })

describe("a task's codec", () => {
  it("gives back the payload it was given", () =>
    every(
      fc.property(payload, (value) => {
        const decoded = get(Everything.decodePayload(get(Everything.encodePayload(value))))
        assert.deepStrictEqual<unknown>(withoutMinusZero(decoded), withoutMinusZero(value))
      })
    ))

  it("gives back the success it was given", () =>
    every(
      fc.property(fc.record({ at, maybe: number }, { requiredKeys: ["at"] }), (value) => {
        const decoded = get(Everything.decodeSuccess(get(Everything.encodeSuccess(value))))
        assert.deepStrictEqual<unknown>(withoutMinusZero(decoded), withoutMinusZero(value))
      })
    ))

  it("gives back any JSON value of an untyped payload", () =>
    every(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        for (const task of [Anything, Json]) {
          const decoded = get(task.decodePayload(get(task.encodePayload(value))))
          assert.deepStrictEqual<unknown>(withoutMinusZero(decoded), withoutMinusZero(value))
        }
      })
    ))

  it("writes JSON that any parser reads as well-formed Unicode", () =>
    every(
      fc.property(payload, (value) => {
        const written = get(Everything.encodePayload(value))
        assert.doesNotThrow(() => encodeURIComponent(written))
        assert.isTrue(isJson(written))
      })
    ))

  it("writes the same text for the same payload", () =>
    every(
      fc.property(payload, (value) => {
        const written = get(Everything.encodePayload(value))
        const reread = get(Everything.decodePayload(written))
        assert.strictEqual(get(Everything.encodePayload(reread)), written)
      })
    ))

  it("fails on what is not JSON, whatever the schema", () =>
    every(
      fc.property(text, (one) => {
        fc.pre(!isJson(one))
        for (const task of tasks) {
          assert.isTrue(Exit.isFailure(task.decodePayload(one)))
          assert.isTrue(Exit.isFailure(task.decodeSuccess(one)))
        }
      })
    ))

  it("answers every text with an exit", () => every(fc.property(garbage, answersText)))

  it("answers a text nested deeper than the stack with an exit", () =>
    every(
      fc.property(depth, (levels) => answersText(nested(levels))),
      10
    ))

  it("answers every value with a text that is JSON, or a failure", () => every(fc.property(value, answersValue)))

  it("answers a value nested deeper than the stack with an exit", () =>
    every(
      fc.property(depth, (levels) => answersValue(JSON.parse(nested(levels)))),
      10
    ))
})
