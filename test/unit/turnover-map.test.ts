import { assert, it } from "vitest"
import { TurnoverMap } from "../../src/domain/TurnoverMap.ts"

it("a map that is made anew keeps its entries and their order", () => {
  const map = new TurnoverMap<number, string>()
  const model = new Map<number, string>()
  for (let i = 0; i < 20_000; i++) {
    map.set(i, `${i}`)
    model.set(i, `${i}`)
    // one in a hundred stays
    const gone = i - 500
    if (gone % 100 === 0) continue
    map.delete(gone)
    model.delete(gone)
  }

  assert.strictEqual(map.size, model.size)
  assert.deepStrictEqual(map.values(), [...model.values()])
  assert.deepStrictEqual([map.get(19_999), map.get(300), map.get(301)], ["19999", "300", undefined])
  assert.deepStrictEqual([map.has(300), map.has(301)], [true, false])
})
