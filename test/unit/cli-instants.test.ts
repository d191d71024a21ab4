import * as Result from "effect/Result"
import { assert, describe, it } from "vitest"
import { parseInstant } from "../../src/cli/parse-instant.ts"

const millisOf = (text: string) => Result.getOrElse(parseInstant(text), () => Number.NaN)

describe("instants of a command line", () => {
  it("have a zone, or are of UTC", () => {
    const same = [
      "2030-01-02T03:04:05Z",
      "2030-01-02T03:04:05",
      "2030-01-02 03:04:05Z",
      "2030-01-02 03:04:05.000",
      "2030-01-02T05:04:05+02:00",
      "2030-01-01T22:34:05-0430",
      "2030-01-02t03:04:05z"
    ]

    assert.deepStrictEqual(same.map(millisOf), Array(same.length).fill(Date.UTC(2030, 0, 2, 3, 4, 5)))
    assert.strictEqual(millisOf("2030-01-02T03:04"), Date.UTC(2030, 0, 2, 3, 4))
    assert.strictEqual(millisOf("2030-01-02"), Date.UTC(2030, 0, 2))
    assert.strictEqual(millisOf("2030-01-02T03:04:05.678901Z"), Date.UTC(2030, 0, 2, 3, 4, 5, 678))
  })

  it("are on the calendar and the clock", () => {
    const wrong = ["2030-02-31", "2030-13-01", "2030-02-29T00:00Z", "2030-01-02T24:00:01Z", "2030-01-02T03:60Z"]

    assert.deepStrictEqual(wrong.map(millisOf), Array(wrong.length).fill(Number.NaN))
    assert.strictEqual(millisOf("2028-02-29"), Date.UTC(2028, 1, 29))
  })

  it("are nothing else that JavaScript takes for a date", () => {
    const wrong = [
      "",
      "1",
      "5",
      "tomorrow",
      "Jan 2 2030",
      "2030",
      "2030-01",
      "+275760-01-01T00:00:00Z",
      "03:04",
      // half a minute, elsewhere
      "2030-01-02T03:04.5Z",
      "1e12"
    ]

    for (const text of wrong) {
      const found = parseInstant(text)

      assert.isTrue(Result.isFailure(found), text)
    }
    assert.strictEqual(
      Result.merge(parseInstant("tomorrow")),
      "must be an instant such as 2030-01-31T09:00Z or 2030-01-31T09:00+02:00 (without a zone: UTC)"
    )
  })
})
