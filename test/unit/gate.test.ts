import { assert, describe, it } from "vitest"
import { Gate } from "../../src/backends/redis/Gate.ts"

describe("Gate", () => {
  it("never sends a call whose caller has left while it waited", async () => {
    const gate = new Gate(1000, () => false)
    const sent: Array<string> = []
    const send = (name: string) => async () => sent.push(name)
    const leaving = new AbortController()
    void gate.call(send("left"), leaving.signal)
    const stayed = gate.call(send("stayed"))

    leaving.abort()
    gate.open()
    await stayed

    assert.deepStrictEqual(sent, ["stayed"])
  })

  it("does not send again for a caller who left when the connection broke", async () => {
    const gate = new Gate(1000, () => false)
    gate.open()
    const leaving = new AbortController()
    let sends = 0
    void gate.call(async () => {
      sends++
      throw new Error("Connection is closed.")
    }, leaving.signal)
    leaving.abort()

    // the pause before a call is sent again is over when this one has been
    let again = 0
    await gate.call(async () => {
      if (++again === 1) throw new Error("Connection is closed.")
    })

    assert.deepStrictEqual([sends, again], [1, 2])
  })

  it("fails a call that throws before it is sent, and lets the others through", async () => {
    const gate = new Gate(200, () => false)
    const broken = gate.call(() => {
      throw new Error("Invalid string length")
    })
    const fine = gate.call(async () => "fine")

    gate.open()

    assert.strictEqual(await fine, "fine")
    assert.include(String(await broken.catch((error: unknown) => error)), "Invalid string length")
  })
})
