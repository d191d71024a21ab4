import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Outages } from "../../src/backends/redis/Outages.ts"

/** Outages, and the lines they have logged. */
const watched = () => {
  const lines: Array<unknown> = []
  const logger = Logger.make(({ message }) => {
    lines.push(Array.isArray(message) ? message.join(" ") : message)
  })
  const outages = new Outages((line) =>
    Effect.runSync(
      line.pipe(Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "All"))
    )
  )
  return { lines, outages }
}

const lost = "a: connection lost, reconnecting: gone"
const [one, two] = [{}, {}]

describe("what is said of outages", () => {
  it("a server is lost once and back once, with the last of its connections", () => {
    const { lines, outages } = watched()

    outages.lost("a", one, "gone")
    outages.lost("a", two, "gone")
    outages.back(one)
    outages.back(one)
    assert.deepStrictEqual(lines, [lost])
    outages.back(two)

    assert.deepStrictEqual(lines, [lost, "a: connection is back"])
  })

  it("a server that others replace is not missed any more, until it has work again", () => {
    const { lines, outages } = watched()

    outages.lost("a", one, "gone")
    outages.dismiss("a", one)
    outages.lost("a", two, "gone")
    assert.deepStrictEqual(lines, [lost, "a: others serve in its place"])
    outages.admit("a")
    outages.lost("a", two, "gone")

    assert.deepStrictEqual(lines, [lost, "a: others serve in its place", lost])
  })

  it("a replaced server is told of once its last connection works elsewhere", () => {
    const { lines, outages } = watched()

    outages.lost("a", one, "gone")
    outages.lost("a", two, "gone")
    outages.dismiss("a", one)
    assert.deepStrictEqual(lines, [lost])
    outages.back(two)

    assert.deepStrictEqual(lines, [lost, "a: others serve in its place"])
  })

  it("a connection that is closed for good ends an outage without a word", () => {
    const { lines, outages } = watched()

    outages.lost("a", one, "gone")
    outages.forget(one)
    outages.lost("a", two, "gone")

    assert.deepStrictEqual(lines, [lost, lost])
  })
})
