import { assert, it } from "vitest"
import { redisUrlProblem } from "../../src/domain/redis-url.ts"

it("a url of redis is told from what is none", () => {
  const good = ["redis://h", "rediss://h:6380/0", "redis://user:p%40ss@[::1]:6379/15", "redis://:pw@h/"]
  const bad = ["", "h:6379", "http://h", "redis://h:75x03", "redis://u:SECRET%ZZ@h", "redis://h/abc", "redis://h /0"]

  assert.deepStrictEqual(
    good.map(redisUrlProblem),
    good.map(() => undefined)
  )
  for (const problem of bad.map(redisUrlProblem)) {
    assert.isString(problem)
    assert.notInclude(problem, "SECRET")
  }
})
