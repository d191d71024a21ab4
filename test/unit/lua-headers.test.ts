import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { scripts } from "../../src/backends/redis/scripts/index.ts"
import { sources } from "../../src/backends/redis/scripts/sources.gen.ts"

const folder = join(import.meta.dirname, "../../src/backends/redis/scripts")
const names = globSync("*.lua", { cwd: folder }).map((file) => file.slice(0, -".lua".length))

/** The comment lines at the top, and what follows. */
const split = (name: string) => {
  const lines = readFileSync(join(folder, `${name}.lua`), "utf8").split("\n")
  const end = lines.findIndex((line, i) => i > 0 && !line.startsWith("--"))
  return { shebang: lines[0], header: lines.slice(1, end), body: lines.slice(end).join("\n") }
}

const declared = (header: ReadonlyArray<string>, kind: string): ReadonlyArray<string> =>
  header.flatMap((line) => new RegExp(`^-- ${kind} +(\\S+)`).exec(line)?.[1] ?? [])

const positionsIn = (body: string, list: "KEYS" | "ARGV"): ReadonlySet<number> =>
  new Set(Array.from(body.matchAll(new RegExp(`\\b${list}\\[(\\d+)\\]`, "g")), ([, position]) => Number(position)))

const upTo = (length: number) => Array.from({ length }, (_, i) => i + 1)

/** What of a script can run: its own text, and every function of an include that it calls. */
const reached = (text: string): string => {
  const bodies = new Map(
    Array.from(text.matchAll(/^local function (\w+)\([^]*?^end$/gm), ([body, name]) => [name!, body] as const)
  )
  const parts: Array<string> = []
  const open = [[...bodies.values()].reduce((rest, body) => rest.replace(body, ""), text)]
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    parts.push(part)
    for (const [name, body] of bodies) {
      if (!new RegExp(`\\b${name}\\(`).test(part)) continue
      bodies.delete(name)
      open.push(body)
    }
  }
  return parts.join("\n")
}

describe.each(Object.entries(sources))("%s.lua as it is sent", (_, { args, keys, rest, source }) => {
  const runs = reached(source)

  it("reaches no key and no argument that it does not declare, through its includes either", () => {
    assert.deepStrictEqual(runs.match(/\b(keys|args)\.\w+/g) ?? [], [])
  })

  it("uses each key it declares, and no other", () => {
    const used = positionsIn(runs, "KEYS")
    // a loop over the keys of all states starts behind those used by name, or at the first
    const loops = /\bKEYS\[(?!\d+\])/.test(runs)

    if (loops) assert.includeMembers(upTo(keys.length), [...used])
    else assert.sameMembers([...used], upTo(keys.length))
  })

  it("uses each argument it declares, and none beyond", () => {
    const used = [...positionsIn(runs, "ARGV")].filter((position) => position <= args.length || rest === undefined)

    assert.sameMembers(used, upTo(args.length))
  })
})

/** Without comments and texts, so that only code is looked at; `KEYS` and `ARGV` stay. */
const code = (source: string): string =>
  source
    .replaceAll(/--[^\n]*/g, "")
    .replaceAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, (text) => (/^"[A-Z]+"$/.test(text) ? text : '"text"'))

describe.each(Object.entries(sources))("%s.lua as code", (_, { args, source }) => {
  it("runs nothing that is not its own", () => {
    assert.notMatch(
      code(source),
      /\b(loadstring|load|loadfile|dofile|require|setfenv|getfenv|debug|rawset|cjson|cmsgpack|string\.dump|redis\.setresp)\b/
    )
  })

  it("takes no name of a key from its arguments, its data, or the text of it", () => {
    const lines = code(source)
    // functions of the includes that are handed a key, and where in their arguments
    const named = new Set(["index", "from", "to", "key", "meta", "seen"])
    for (const [, locals = "", values = ""] of lines.matchAll(/^local ([\w, ]+) = (.*)$/gm)) {
      const names = locals.split(",")
      for (const [i, value] of values.split(", ").entries()) {
        if (/^KEYS\[\d+\]$/.test(value)) named.add(names[i]?.trim() ?? "")
      }
    }
    const isKey = (text: string) =>
      /^KEYS\[[\w +]+\]$/.test(text) || /^keys(\.\w+|\[\w+\])$/.test(text) || named.has(text)
    const check = (pattern: RegExp) => {
      for (const [call, key = ""] of lines.matchAll(pattern)) {
        assert.isTrue(isKey(key) || call.startsWith("local function"), `${call}: ${key} is no declared key`)
      }
    }

    check(/redis\.p?call\((?:"(?!TIME|PUBLISH)[A-Z]+"|command), ([^,()]+)/g)
    check(/(?:local function )?\b(?:read_fields|count)\(([^,()]+),/g)
    check(/(?:local function )?\bspread\((?:"[A-Z]+"|command), ([^,()]+),/g)
    check(/(?:local function )?(?<!\.)\b(?:finish|remove|cancel_now|leave_active)\(([^,()]+),/g)
    check(/(?:local function )?\bfinish\([^,()]+, ([^,()]+),/g)
    check(/(?:local function )?\b(?:drop_until|drop_beyond|drop|forget|head)\(([^,()]+)/g)
  })

  it("publishes to channels under the prefix it is given only", () => {
    for (const [, channel = ""] of code(source).matchAll(/redis\.p?call\("PUBLISH", ([^,]+),/g)) {
      const place = /^ARGV\[(\d+)\] \.\. /.exec(channel)?.[1]
      // in a function that it never calls
      if (place === undefined) assert.match(channel, /^args\.notices \.\. /)
      else assert.strictEqual((args as ReadonlyArray<string>)[Number(place) - 1], "notices", channel)
    }
  })

  it("puts nothing of anybody else into an error reply", () => {
    for (const [, text = ""] of source.matchAll(/redis\.error_reply\(([^)]*)\)/g)) assert.match(text, /^"[^"]*"$/)
  })
})

it("the wrappers are the scripts of this folder", () => {
  assert.sameMembers(Object.keys(scripts), names)
})

describe.each(names)("%s.lua", (name) => {
  const { body, header, shebang } = split(name)
  const keys = declared(header, "KEYS")
  const args = declared(header, "ARGV")
  const fixed = args.filter((arg) => !arg.startsWith("..."))

  it("starts with a shebang, what it does, KEYS, ARGV and REPLY, in this order", () => {
    const shape = header.map((line) => /^-- (KEYS|ARGV|REPLY|include) /.exec(line)?.[1] ?? "text")
    const order = shape.filter((kind, i) => kind !== shape[i - 1] && !(kind === "text" && i > 0))

    assert.match(shebang ?? "", /^#!lua( flags=[a-z,-]+)?$/)
    assert.deepStrictEqual(
      order.filter((kind) => kind !== "include" && kind !== "ARGV"),
      ["text", "KEYS", "REPLY"]
    )
    assert.isBelow(shape.lastIndexOf("KEYS"), shape.indexOf("REPLY"))
    assert.isTrue(args.length === 0 || shape.lastIndexOf("KEYS") < shape.indexOf("ARGV"))
    assert.isBelow(shape.lastIndexOf("ARGV"), shape.indexOf("REPLY"))
  })

  it("says the type of each key", () => {
    const types = header
      .filter((line) => line.startsWith("-- KEYS"))
      .map((line) => /^-- KEYS +\S+ +(\w+): \S/.exec(line)?.[1])

    for (const type of types) assert.include(["hash", "zset", "set", "list", "string"], type)
  })

  it("names what it declares, and counts only what it does not", () => {
    assert.isEmpty(positionsIn(body, "KEYS"))
    assert.isEmpty([...positionsIn(body, "ARGV")].filter((position) => position <= fixed.length))
  })

  it("is wrapped with the names of its header", () => {
    const wrapper = scripts[name as keyof typeof scripts]
    const source = sources[name as keyof typeof sources]

    assert.deepStrictEqual<unknown>([wrapper.keys, wrapper.args], [keys, fixed])
    assert.deepStrictEqual<unknown>([source.keys, source.args], [keys, fixed])
    assert.strictEqual(source.rest, args.find((arg) => arg.startsWith("..."))?.slice(3))
  })
})
