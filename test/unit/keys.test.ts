import { assert, it } from "vitest"
import { directoryKeysOf, formatKey, keysOf, registryKey, workflowKeysOf } from "../../src/backends/redis/keys.ts"

const names = ["workflows", "workflow", "queues", "format", "notices", "workflow.", "__proto__", "constructor", "a"]

it("no two queues, workflows and directories share a key or a hash tag", () => {
  const owners = [
    ...names.map((queue) => Object.values(keysOf("p", queue))),
    ...[...names, ":", "workflow:", "x:all"].map((id) => Object.values(workflowKeysOf("p", id))),
    Object.values(directoryKeysOf("p")),
    [registryKey("p"), formatKey("p")]
  ]
  const keys = owners.flat()
  const tags = owners.map((owned) => new Set(owned.map((key) => /^\{([^}]+)\}:/.exec(key)?.[1])))

  assert.lengthOf([...new Set(keys)], keys.length)
  for (const own of tags) assert.strictEqual(own.size, 1)
  assert.lengthOf([...new Set(tags.flatMap((own) => [...own]))], owners.length)
})

it("a prefix reaches no key of another that starts like it", () => {
  const mine = [...Object.values(keysOf("app", "q")), registryKey("app")]
  const theirs = [...Object.values(keysOf("app.b", "q")), registryKey("app-b"), ...Object.values(keysOf("ap", "p"))]

  assert.isFalse(theirs.some((key) => key.startsWith("{app:") || key.startsWith("{app}:")))
  assert.isTrue(mine.every((key) => key.startsWith("{app:") || key.startsWith("{app}:")))
})
