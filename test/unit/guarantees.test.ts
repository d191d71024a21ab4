import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { invariants } from "../support/history/check.ts"

const docs = join(import.meta.dirname, "../../docs")
const text = readFileSync(join(docs, "guarantees.md"), "utf8")
const rules = new Set(
  Array.from(readFileSync(join(docs, "semantics.md"), "utf8").matchAll(/\*\*([A-Z]+-\d+)\*\*/g), ([, id]) => id)
)

/** Everything in brackets and parentheses. */
const links = Array.from(text.matchAll(/\[([^\]]+)\]\(([^)#]+)\)/g), ([, label = "", path = ""]) => ({ label, path }))

/** A sentence that is promised, with what holds it up. */
const promises = text
  .slice(0, text.indexOf("## Not promised"))
  .split(/^## /m)
  .slice(1)
  .flatMap((section) => section.split(/^- \*\*/m).slice(1))

describe("the guarantees", () => {
  it("name only files that are there", () => {
    const missing = links.filter(({ path }) => !existsSync(join(docs, path))).map(({ path }) => path)

    assert.isNotEmpty(links)
    assert.isEmpty(missing, missing.join(", "))
  })

  it("name only rules that are there", () => {
    const unknown = (text.match(/\b[A-Z]+-\d+\b/g) ?? []).filter((id) => !rules.has(id))

    assert.isEmpty(unknown, unknown.join(", "))
  })

  it("name only tests whose titles are in the files linked", () => {
    const quoted = links.flatMap(({ label, path }) =>
      label.startsWith('"') ? [{ title: label.slice(1, -1), path }] : []
    )
    const missing = quoted.filter(({ path, title }) => {
      const file = readFileSync(join(docs, path), "utf8")
      return !file.includes(title.replaceAll(/\s+/g, " "))
    })

    assert.isNotEmpty(quoted)
    assert.isEmpty(missing, missing.map(({ title }) => title).join(", "))
  })

  it("hold up every sentence by a test", () => {
    const bare = promises.filter((promise) => !/\]\(\.\.\/test\//.test(promise))

    assert.isAbove(promises.length, 20)
    assert.isEmpty(bare, bare.join("\n"))
  })

  it("explain every invariant, and stand for each with a promise", () => {
    const ids = invariants.map(({ id }) => id)
    const explained = Array.from(text.matchAll(/^\| (I\d+) \|/gm), ([, id]) => id)
    const promised = new Set(promises.flatMap((promise) => promise.match(/\bI\d+\b/g) ?? []))

    assert.deepStrictEqual(explained, ids)
    assert.deepStrictEqual(
      ids.filter((id) => !promised.has(id)),
      []
    )
  })
})
