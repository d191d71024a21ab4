import { assert, describe, it } from "vitest"
import { aclUsers, commandsOf } from "../../src/backends/redis/acl.ts"
import { sources } from "../../src/backends/redis/scripts/sources.gen.ts"

const commandsIn = (rules: ReadonlyArray<string>) => rules.filter((rule) => rule.startsWith("+"))

describe("rights", () => {
  it("the commands of a script are read from its text, passed on ones too", () => {
    const source = `redis.call("HGET", a) redis.pcall("ZADD", b) spread("HMSET", c) redis.call(command, d)`

    assert.deepStrictEqual(commandsOf(source), ["hget", "zadd", "hmset"])
  })

  it("no script calls a command whose name stands nowhere", () => {
    for (const [name, { source }] of Object.entries(sources)) {
      const dynamic = [...source.matchAll(/redis\.p?call\((?!")/g)].length
      const spreads = [...source.matchAll(/local function spread\(/g)].length
      assert.strictEqual(dynamic, spreads, name)
    }
  })

  it("the operator may do all that scripts do, and everybody less than everything", () => {
    const [producer, worker, operator] = aclUsers().map(({ rules }) => new Set(commandsIn(rules)))
    const scripted = Object.values(sources).flatMap(({ source }) => commandsOf(source))

    assert.deepStrictEqual(
      scripted.filter((command) => !operator!.has(`+${command}`)),
      []
    )
    assert.isFalse(producer!.has("+bzpopmin"))
    assert.isFalse(worker!.has("+config|get"))
    assert.isTrue([...producer!].every((command) => operator!.has(command)))
    assert.isTrue([...worker!].every((command) => operator!.has(command)))
  })

  it("no user reaches beyond the prefix", () => {
    for (const { name, rules } of aclUsers("shop")) {
      const reach = rules.filter((rule) => /^[~&]/.test(rule))

      assert.isTrue(name.startsWith("shop-"))
      assert.deepStrictEqual(reach, ["~{shop}:*", "~{shop:*}:*", "&shop:notices:*"])
      assert.strictEqual(rules[reach.length], "-@all")
      assert.isFalse(rules.includes("allkeys"))
    }
  })
})
