import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "vitest"
import { bugs } from "../faults/planted/bugs.ts"

const root = join(import.meta.dirname, "../..")

it("every planted bug fits its source, once", () => {
  for (const { edits, name } of bugs) {
    for (const { file, from } of edits) {
      const times = readFileSync(join(root, file), "utf8").split(from).length - 1
      assert.strictEqual(times, 1, `${name}: ${from} in ${file}`)
    }
  }
})
