import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { encodeJobId } from "../../src/domain/job-id.ts"
import { checkJobId } from "../../src/domain/limits.ts"
import { JobIds } from "../../src/ports/JobIds.ts"

const until = Date.UTC(3084, 0, 1)
const instant = fc.oneof(fc.nat(2000), fc.integer({ min: 0, max: until }), fc.constantFrom(0, until))
const random = fc.oneof(
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  fc.constantFrom(0, 1 - 2 ** -53, 2 ** -35, 2 ** -30)
)
const draws = fc.tuple(random, random)

const encode = (now: number, numbers: readonly [number, number]) => {
  const left = [...numbers]
  return encodeJobId(now, () => left.shift()!)
}

const every = (property: fc.IProperty<unknown>) => fc.assert(property, { numRuns: 5000 })

describe("a generated job id", () => {
  it("has 22 characters that an id may have", () =>
    every(
      fc.property(instant, draws, (now, numbers) => {
        const id = encode(now, numbers)
        assert.match(id, /^[0-9a-hjkmnp-tv-z]{22}$/)
        assert.isTrue(Result.isSuccess(checkJobId(id)))
      })
    ))

  it("sorts by time, whatever is drawn", () =>
    every(
      fc.property(instant, instant, draws, draws, (a, b, first, second) => {
        fc.pre(a !== b)
        assert.strictEqual(encode(a, first) < encode(b, second), a < b)
      })
    ))

  it("sorts by what is drawn within a millisecond", () =>
    every(
      fc.property(instant, draws, draws, (now, first, second) => {
        const drawn = ([high, low]: readonly [number, number]) => [
          Math.floor(high * 2 ** 35),
          Math.floor(low * 2 ** 30)
        ]
        const [a, b] = [drawn(first), drawn(second)]
        const order = a[0]! - b[0]! || a[1]! - b[1]!

        const [one, other] = [encode(now, first), encode(now, second)]

        assert.strictEqual(one < other, order < 0)
        assert.strictEqual(one === other, order === 0)
      })
    ))

  it("takes whole milliseconds, and 1970 for any time before", () =>
    every(
      fc.property(instant, fc.double({ min: 0, max: 0.999, noNaN: true }), draws, (now, fraction, numbers) => {
        assert.strictEqual(encode(now, numbers), encode(now + (now < 2 ** 40 ? fraction : 0), numbers))
        assert.strictEqual(encode(-now, numbers), encode(0, numbers))
      })
    ))

  it.effect("is never the same among 100 000 of one millisecond", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const { next } = yield* JobIds

      const ids = yield* Effect.replicateEffect(next, 100_000)

      assert.strictEqual(new Set(ids).size, 100_000)
      assert.strictEqual(new Set(ids.map((id) => id.slice(0, 9))).size, 1)
    })
  )
})
