import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import fc from "fast-check"
import * as limits from "../../src/domain/limits.ts"

const anyNumber = fc.oneof(
  fc.integer(),
  fc.integer({ min: -5000, max: 5000 }),
  fc.double(),
  fc.constantFrom(
    NaN,
    Infinity,
    -Infinity,
    -0,
    0.5,
    -0.5,
    2 ** 53,
    -4096,
    -4097,
    4095,
    4096,
    0,
    1,
    1_000_000,
    1_000_001
  ),
  fc.constantFrom(99, 99.5, 100, 86_400_000, 86_400_001, limits.maxDelayMillis, limits.maxDelayMillis + 1)
)

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ unit: fc.constantFrom(..."aZ09._:@/+=- \n\u0000é"), maxLength: 140 }),
  fc.constantFrom("", "a".repeat(128), "a".repeat(129), "a\n", "\na", "\ud800", "ａ")
)

const every = (property: fc.IProperty<unknown>) => fc.assert(property, { numRuns: 3000 })

/** The check accepts exactly what the words say; a refusal names the field and is not endless. */
const accepts = <A>(
  check: (value: A) => Result.Result<unknown, limits.InvalidInput>,
  field: string,
  value: A,
  ok: boolean
) => {
  const result = check(value)
  assert.strictEqual(Result.isSuccess(result), ok, JSON.stringify(value))
  if (Result.isSuccess(result)) return
  assert.strictEqual(result.failure.field, field)
  assert.match(result.failure.message, /^\w+ must be /)
  assert.isBelow(result.failure.message.length, 400)
}

const consistsOf = (text: string, others: string) =>
  text.length >= 1 &&
  text.length <= 128 &&
  Array.from(text).every(
    (one) =>
      (one >= "a" && one <= "z") || (one >= "A" && one <= "Z") || (one >= "0" && one <= "9") || others.includes(one)
  )

const isBetween = (value: number, least: number, most: number) => value >= least && value <= most

describe("input is accepted exactly when it is", () => {
  it("a queue of 1 to 128 plain characters", () =>
    every(fc.property(anyText, (text) => accepts(limits.checkQueue, "queue", text, consistsOf(text, "._-")))))

  it("an id of 1 to 128 plain characters", () =>
    every(fc.property(anyText, (text) => accepts(limits.checkJobId, "id", text, consistsOf(text, "._:@/+=-")))))

  it("no id that is not a text", () =>
    every(
      fc.property(fc.oneof(fc.nat(), fc.constantFrom(null, undefined, true, {}, []), fc.array(fc.nat())), (id) =>
        assert.isTrue(Result.isFailure(limits.checkJobId(id as never)))
      )
    ))

  it("a kind of 1 to 128 plain characters", () =>
    every(fc.property(anyText, (text) => accepts(limits.checkKind, "kind", text, consistsOf(text, "._:/-")))))

  it("an integral priority of 13 bits", () =>
    every(
      fc.property(anyNumber, (value) =>
        accepts(limits.checkPriority, "priority", value, value % 1 === 0 && isBetween(value, -4096, 4095))
      )
    ))

  it("an integral attempt count up to a million", () =>
    every(
      fc.property(anyNumber, (value) =>
        accepts(limits.checkMaxAttempts, "maxAttempts", value, value % 1 === 0 && isBetween(value, 1, 1_000_000))
      )
    ))

  it("a lease from 100 ms to a day", () =>
    every(
      fc.property(anyNumber, (value) => accepts(limits.checkLease, "lease", value, isBetween(value, 100, 86_400_000)))
    ))

  it("a duration up to a century, whose milliseconds are rounded up", () =>
    every(
      fc.property(anyNumber, fc.constantFrom(0, 1, 100), (value, least) => {
        // a Duration counts nanoseconds
        const nanos = Math.round(value * 1e6) / 1e6
        const inRange = nanos >= 0 && isBetween(Math.ceil(nanos), least, limits.maxDelayMillis)
        accepts((input: number) => limits.durationMillis("delay", input, least), "delay", value, inRange)

        const result = limits.durationMillis("delay", value, least)
        if (Result.isFailure(result)) return
        assert.isTrue(Number.isSafeInteger(result.success))
        assert.isTrue(isBetween(result.success, nanos, nanos + 1))
      })
    ))

  it("a duration in any spelling of the same length", () =>
    every(
      fc.property(fc.nat(1_000_000), (seconds) => {
        const spellings = [
          seconds * 1000,
          `${seconds} seconds`,
          { seconds },
          Duration.seconds(seconds),
          [seconds, 0]
        ] as const
        for (const input of spellings)
          assert.deepStrictEqual(limits.durationMillis("delay", input), Result.succeed(seconds * 1000))
      })
    ))

  it("a duration, and no other value in its place", () =>
    every(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.constantFrom(null, undefined, true, {}, [], [1], ["1", "2"], { seconds: "x" }, new Date(0))
        ),
        (value) => {
          const result = limits.durationMillis("delay", value as Duration.Input)
          if (Result.isSuccess(result)) assert.isTrue(isBetween(result.success, 0, limits.maxDelayMillis))
        }
      )
    ))

  it("a priority whose score stays exact beside a 40-bit sequence", () =>
    every(
      fc.property(
        fc.integer({ min: limits.minPriority, max: limits.maxPriority }),
        fc.integer({ min: limits.minPriority, max: limits.maxPriority }),
        fc.integer({ min: 1, max: 2 ** 40 - 1 }),
        fc.integer({ min: 1, max: 2 ** 40 - 1 }),
        (a, b, first, second) => {
          const order = a - b || first - second
          const difference = a * 2 ** 40 + first - (b * 2 ** 40 + second)
          assert.strictEqual(Math.sign(difference), Math.sign(order))
        }
      )
    ))
})
