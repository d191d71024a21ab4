import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import fc from "fast-check"
import * as Backoff from "../../src/domain/Backoff.ts"
import { maxDelayMillis } from "../../src/domain/limits.ts"

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const attempt = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1_000_000_000 }))
const factor = fc.oneof(fc.constantFrom(0, 1, 2), fc.double({ min: 0, max: 1_000_000, noNaN: true }))
const millis = fc.oneof(
  fc.nat(100_000),
  fc.double({ min: 0, max: maxDelayMillis, noNaN: true }),
  fc.constant(maxDelayMillis)
)

/** What a function may return that no wait can be. */
const garbage = fc.oneof(
  fc.double(),
  fc.constantFrom(NaN, Infinity, -Infinity, -0, -1, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE),
  fc.bigInt(),
  fc.constantFrom("Infinity" as const, "-Infinity" as const, "-5 seconds" as const),
  fc.constantFrom({ seconds: NaN }, { hours: Infinity }, { days: -1 }, Duration.infinity, Duration.negativeInfinity),
  fc.tuple(fc.double(), fc.double())
) as fc.Arbitrary<Duration.Input>

const named = (name: string, policy: Backoff.Backoff) => ({
  ...policy,
  name,
  // what a counterexample shows
  [fc.toStringMethod]: () => name
})

const exponential = (factors: fc.Arbitrary<number>) =>
  fc.tuple(millis, factors).map(([base, by]) => named(`exponential(${base}, ${by})`, Backoff.exponential(base, by)))

const linear = millis.map((step) => named(`linear(${step})`, Backoff.linear(step)))

const plain = fc.oneof(
  exponential(factor),
  linear,
  millis.map((wait) => named(`fixed(${wait})`, Backoff.fixed(wait))),
  garbage.map((wait) =>
    named(
      `custom(() => ${fc.stringify(wait)})`,
      Backoff.custom(() => wait)
    )
  )
)

const ratio = fc.double({ min: 0, max: 1, noNaN: true })

const backoff = fc.oneof(
  plain,
  fc.tuple(plain, ratio).map(([it, by]) => named(`${it.name} jitteredBy(${by})`, Backoff.jitteredBy(by)(it))),
  fc.tuple(plain, millis).map(([it, max]) => named(`${it.name} capped(${max})`, Backoff.capped(max)(it))),
  fc
    .tuple(plain, millis)
    .map(([it, max]) => named(`${it.name} capped(${max}) jittered`, it.pipe(Backoff.capped(max), Backoff.jittered))),
  fc.constant(named("standard", Backoff.standard))
)

const every = (property: fc.IProperty<unknown>) => fc.assert(property, { numRuns: 2000 })

describe("a backoff", () => {
  it("waits whole milliseconds from 0 to a century at any attempt", () =>
    every(
      fc.property(backoff, attempt, random, (policy, n, draw) => {
        const wait = policy.delayMillis(n, draw)
        assert.isTrue(Number.isSafeInteger(wait) && wait >= 0 && wait <= maxDelayMillis, `${wait}`)
        assert.isFalse(Object.is(wait, -0))
      })
    ))

  it("waits the same for the same attempt and random number", () =>
    every(
      fc.property(backoff, attempt, random, (policy, n, draw) =>
        assert.strictEqual(policy.delayMillis(n, draw), policy.delayMillis(n, draw))
      )
    ))

  it("takes an attempt below 1 for the first", () =>
    every(
      fc.property(backoff, fc.oneof(fc.integer({ max: 0 }), fc.constant(-Infinity)), random, (policy, n, draw) =>
        assert.strictEqual(policy.delayMillis(n, draw), policy.delayMillis(1, draw))
      )
    ))

  it("never waits longer than its cap when the cap comes last", () =>
    every(
      fc.property(backoff, millis, attempt, random, (policy, max, n, draw) =>
        assert.isAtMost(policy.pipe(Backoff.capped(max)).delayMillis(n, draw), max)
      )
    ))

  it("changes nothing below its cap", () =>
    every(
      fc.property(backoff, millis, attempt, random, (policy, max, n, draw) => {
        const wait = policy.delayMillis(n, draw)
        fc.pre(wait <= max)
        assert.strictEqual(policy.pipe(Backoff.capped(max)).delayMillis(n, draw), wait)
      })
    ))

  it("is spread by at most the ratio", () =>
    every(
      fc.property(plain, ratio, attempt, random, (policy, by, n, draw) => {
        const wait = policy.delayMillis(n, draw)
        const spread = Backoff.jitteredBy(by)(policy).delayMillis(n, draw)
        assert.isAtMost(Math.abs(spread - wait), by * wait + 0.5 + 1e-6 * by)
      })
    ))

  it("reaches both ends of the spread", () =>
    every(
      fc.property(fc.integer({ min: 100, max: 1_000_000 }), attempt, (wait, n) => {
        const spread = Backoff.fixed(wait).pipe(Backoff.jittered)
        assert.closeTo(spread.delayMillis(n, 0), wait * 0.8, 0.5)
        assert.closeTo(spread.delayMillis(n, 1 - 2 ** -53), wait * 1.2, 0.5001)
      })
    ))

  it("waits no less after a later attempt when linear or exponential", () =>
    every(
      fc.property(
        fc.oneof(linear, exponential(factor.map((by) => Math.max(1, by)))),
        attempt,
        attempt,
        random,
        (policy, a, b, draw) =>
          assert.isAtMost(policy.delayMillis(Math.min(a, b), draw), policy.delayMillis(Math.max(a, b), draw))
      )
    ))

  it("grows by exactly the factor or the step until the century", () =>
    every(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 12 }), (base, n) => {
        assert.strictEqual(Backoff.exponential(base).delayMillis(n, 0), base * 2 ** (n - 1))
        assert.strictEqual(Backoff.exponential(base, 3).delayMillis(n, 0), base * 3 ** (n - 1))
        assert.strictEqual(Backoff.linear(base).delayMillis(n, 0), base * n)
      })
    ))

  it("takes garbage of a custom function for 0, an hour or a century", () =>
    every(
      fc.property(garbage, attempt, random, (wait, n, draw) => {
        const given = Duration.toMillis(Duration.fromInputUnsafe(wait))
        const expected = given > 0 ? Math.min(Math.round(given), maxDelayMillis) : 0
        // no number is no duration
        const wanted = Number.isNaN(wait) ? 3_600_000 : expected
        assert.strictEqual(Backoff.custom(() => wait).delayMillis(n, draw), wanted)
      })
    ))

  it("waits for anything that a custom function returns, and does not throw", () =>
    every(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.double().map((n) => `${n} seconds`),
          fc.constantFrom(undefined, null, "", "soon", {}, [], [1], [NaN, 1], { seconds: "x" }, Symbol("s"))
        ),
        attempt,
        random,
        (wait, n, draw) => {
          const millis = Backoff.custom(() => wait as Duration.Input).delayMillis(n, draw)
          assert.isTrue(Number.isSafeInteger(millis) && millis >= 0 && millis <= maxDelayMillis, `${millis}`)
        }
      )
    ))
})
