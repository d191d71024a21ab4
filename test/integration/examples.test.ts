import { execFile } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "vitest"
import { redisUrl } from "../support/redis-url.ts"

const run = promisify(execFile)
const folder = join(import.meta.dirname, "../../examples")

/** What an example prints, as its last comment says. */
const expected = (file: string): string => {
  const [, output] = readFileSync(file, "utf8").split("\n// Output:\n")
  assert.isDefined(output, `${file} ends with // Output:`)
  return output.replaceAll(/^\/\/ ?/gm, "")
}

/** What it prints, when it ends as it should, with exit code 0. */
const printed = async (file: string, ...args: ReadonlyArray<string>): Promise<string> =>
  (await run(process.execPath, ["-C", "winterq-source", file, ...args])).stdout

/** Those that need a Redis get its address. */
const argumentsOf = (name: string): ReadonlyArray<string> => (name === "two-processes.ts" ? [redisUrl()] : [])

describe("examples", () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".ts"))) {
    const file = join(folder, name)
    it(`${name} prints what it says`, async () => {
      assert.strictEqual(await printed(file, ...argumentsOf(name)), expected(file))
    })
  }

  it("demo.ts prints the same on Redis", async () => {
    const file = join(folder, "demo.ts")
    assert.strictEqual(await printed(file, "--redis", redisUrl()), expected(file))
  })
})
