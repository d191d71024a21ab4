import { Command } from "ioredis"
import fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { Answer } from "../../src/backends/redis/AnsweredCommand.ts"
import { ScriptCall } from "../../src/backends/redis/ScriptCall.ts"
import type { AnyScript } from "../../src/backends/redis/scripts/Script.ts"

const script: AnyScript = { keys: ["jobs"], args: [], sha1: "a".repeat(40), source: "return 'ä'" }

/** What an answer was told, in order. */
const noting = () => {
  const told: Array<unknown> = []
  const answer: Answer = {
    succeed: (reply) => told.push(["succeed", reply]),
    fail: (error) => told.push(["fail", error])
  }
  return { told, answer }
}

describe("a call of a script", () => {
  const texts = fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.integer()), { maxLength: 5 })

  it("is written as the driver writes the same command", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" }), { maxLength: 3 }), texts, (keys, args) => {
        const call = new ScriptCall(script, keys)
        const { answer } = noting()
        const rest = [keys.length, ...keys, ...args]

        assert.strictEqual(
          call.command(args, "bytes", answer).toWritable({}),
          new Command("evalsha", [script.sha1, ...rest]).toWritable({})
        )
        assert.strictEqual(
          call.whole(args, "bytes", answer).toWritable({}),
          new Command("eval", [script.source, ...rest]).toWritable({})
        )
      })
    )
  })

  it("says which script it is, and a key, to whoever traces it", () => {
    const { answer } = noting()
    const call = new ScriptCall(script, ["{q}:jobs", "{q}:runs"])

    for (const command of [call.command(["x"], "text", answer), call.whole(["x"], "text", answer)]) {
      assert.deepStrictEqual(command.args, [script.sha1, "1", "{q}:jobs"])
    }
  })

  it("keeps nothing of what it sent once it is answered", () => {
    const { answer } = noting()
    const call = new ScriptCall(script, [])
    const [answered, refused] = [call.command(["sent"], "text", answer), call.command(["sent"], "text", answer)]

    answered.resolve(Buffer.from("x"))
    refused.reject(new Error("refused"))

    for (const command of [answered, refused]) assert.notInclude(command.toWritable({}), "sent")
    assert.include(call.command(["sent"], "text", answer).toWritable({}), "sent")
  })

  it("tells its answer at once, and once", () => {
    const { answer, told } = noting()
    const command = new ScriptCall(script, []).command([], "text", answer)

    command.resolve([Buffer.from("ä"), 1])
    command.resolve(Buffer.from("again"))
    command.reject(new Error("late"))

    assert.deepStrictEqual(told, [["succeed", ["ä", 1]]])
  })

  it("gives bytes to whoever wants bytes", () => {
    const { answer, told } = noting()
    new ScriptCall(script, []).command([], "bytes", answer).resolve(Buffer.from([0xff]))

    assert.deepStrictEqual(told, [["succeed", Buffer.from([0xff])]])
  })

  it("has failed when its text cannot be read", () => {
    const { answer, told } = noting()
    const command = new ScriptCall(script, []).command([], "text", answer)
    const error = new Error("too long for a string")
    command.transformReply = (reply) => {
      // the driver reads the nothing that its promise is settled with, too
      if (reply !== null) throw error
      return ""
    }

    command.resolve(Buffer.from("reply"))

    assert.deepStrictEqual(told, [["fail", error]])
  })

  it("settles its promise too, for those who trace commands", async () => {
    const failure = new Error("NOPERM")
    const { answer, told } = noting()
    const good = new ScriptCall(script, []).command([], "text", answer)
    const bad = new ScriptCall(script, []).command([], "text", answer)

    good.resolve(Buffer.from("fine"))
    bad.reject(failure)

    await good.promise
    assert.strictEqual(await bad.promise.catch((error: unknown) => error), failure)
    assert.deepStrictEqual(told, [
      ["succeed", "fine"],
      ["fail", failure]
    ])
  })
})
