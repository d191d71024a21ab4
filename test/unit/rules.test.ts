import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"

const root = join(import.meta.dirname, "../..")
const read = (file: string) => readFileSync(join(root, file), "utf8")
const idsIn = (text: string): ReadonlyArray<string> => text.match(/[A-Z]+-\d+/g) ?? []

const rules = Array.from(read("docs/semantics.md").matchAll(/\*\*([A-Z]+-\d+)\*\*/g), ([, id = ""]) => id)

/** Rule ids that start the titles of contract tests, with the file that cites them. */
const citations = globSync(["src/testing/contract/*.ts", "test/contract/**/*.ts"], { cwd: root }).flatMap((file) =>
  Array.from(read(file).matchAll(/\(\s*["'`]((?:[A-Z]+-\d+,? )+)/g), ([, start = ""]) => start).flatMap((start) =>
    idsIn(start).map((id) => ({ id, file }))
  )
)
const cited = new Set(citations.map(({ id }) => id))

describe("rules", () => {
  it("each rule has one number", () => {
    const twice = rules.filter((id, i) => rules.indexOf(id) !== i)

    assert.isNotEmpty(rules)
    assert.isEmpty(twice, twice.join(", "))
  })

  it("each rule starts the title of a contract test", () => {
    const untested = rules.filter((id) => !cited.has(id))

    // in the message as well, which cuts lists short
    assert.isEmpty(untested, untested.join(", "))
  })

  it("a title cites only rules that exist", () => {
    const unknown = citations.filter(({ id }) => !rules.includes(id)).map(({ file, id }) => `${id} in ${file}`)

    assert.isEmpty(unknown, unknown.join(", "))
  })
})
