import { once } from "node:events"
import { connect } from "node:net"
import { Worker } from "node:worker_threads"
import { assert, describe, it } from "vitest"
import type { Answer } from "../../src/backends/redis/AnsweredCommand.ts"
import { Caller, Gate } from "../../src/backends/redis/Gate.ts"

/** A server in a thread of its own, which answers while this one stands still. */
const echo = `
  const { parentPort } = require("node:worker_threads")
  const server = require("node:net").createServer((socket) => socket.pipe(socket))
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port))
`

/** As `send`, with promises. */
const callOf =
  (gate: Gate) =>
  <A>(send: () => Promise<A>): Promise<A> =>
    new Promise((resolve, reject) => {
      const answer: Answer = { succeed: (reply) => resolve(reply as A), fail: reject }
      gate.send(
        (told) =>
          void send().then(
            (reply) => told.succeed(reply),
            (error) => told.fail(error)
          ),
        answer
      )
    })

const nobody: Answer = { succeed: () => undefined, fail: () => undefined }

describe("Gate", () => {
  it("never sends a call whose caller has left while it waited", async () => {
    const gate = new Gate(1000, () => false)
    const sent: Array<string> = []
    const leaving = new Caller()
    gate.send(() => sent.push("left"), nobody, leaving)
    const stayed = callOf(gate)(async () => sent.push("stayed"))

    leaving.leave()
    gate.open()
    await stayed

    assert.deepStrictEqual(sent, ["stayed"])
  })

  it("does not send again for a caller who left when the connection broke", async () => {
    const gate = new Gate(1000, () => false)
    gate.open()
    const leaving = new Caller()
    let sends = 0
    const send = (told: Answer): void => {
      sends++
      told.fail(new Error("Connection is closed."))
    }
    gate.send(send, nobody, leaving)
    leaving.leave()

    // the pause before a call is sent again is over when this one has been
    let again = 0
    await callOf(gate)(async () => {
      if (++again === 1) throw new Error("Connection is closed.")
    })

    assert.deepStrictEqual([sends, again], [1, 2])
  })

  it("bounds each call by itself", async () => {
    const gate = new Gate(100, () => false)
    gate.open()
    const silent = () => callOf(gate)(() => new Promise<string>(() => undefined))
    const ends: Array<string> = []
    const start = performance.now()
    const note = (name: string) => () => ends.push(`${name} ${performance.now() - start >= 99}`)

    const first = silent().catch(note("first"))
    const answered = callOf(gate)(async () => "fine")
    await new Promise((resolve) => setTimeout(resolve, 30))
    const last = silent().catch(note("last"))

    assert.strictEqual(await answered, "fine")
    await Promise.all([first, last])
    assert.deepStrictEqual(ends, ["first true", "last true"])
    assert.isAtLeast(performance.now() - start, 129)
  })

  it("takes an answer that has come while the process stood still", async () => {
    const server = new Worker(echo, { eval: true })
    const [port] = await once(server, "message")
    const socket = connect(Number(port), "127.0.0.1")
    await once(socket, "connect")
    const gate = new Gate(100, () => false)
    gate.open()
    const answer = callOf(gate)(async () => {
      socket.write("ping")
      const [data] = await once(socket, "data")
      return String(data)
    })

    // the write has gone out by the next turn, and its answer comes while nobody looks
    await new Promise((resolve) => setImmediate(resolve))
    const until = performance.now() + 300
    while (performance.now() < until) continue

    assert.strictEqual(await answer, "ping")
    socket.destroy()
    await server.terminate()
  })

  it("fails a call that throws before it is sent, and lets the others through", async () => {
    const gate = new Gate(200, () => false)
    const broken = callOf(gate)(() => {
      throw new Error("Invalid string length")
    })
    const fine = callOf(gate)(async () => "fine")

    gate.open()

    assert.strictEqual(await fine, "fine")
    assert.include(String(await broken.catch((error: unknown) => error)), "Invalid string length")
  })
})
