import * as fc from "fast-check"
import { assert, it } from "vitest"
import { type Entry, notInHeap, SortedIndex } from "../../../src/backends/memory/SortedIndex.ts"

interface Item extends Entry<Item> {
  readonly id: string
}

const before = (a: Item, b: Item): number => a.score - b.score || (a.id < b.id ? -1 : 1)

const steps = fc.array(
  fc.oneof(
    fc.record({ add: fc.integer({ min: 0, max: 2 }), id: fc.integer({ min: 0, max: 1_000_000 }) }),
    fc.record({ remove: fc.nat() }),
    fc.constant("take" as const)
  ),
  { maxLength: 80, size: "max" }
)

it("an index in memory gives the lowest score, then the lowest id, first", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const index = new SortedIndex<Item>()
      let model: ReadonlyArray<Item> = []
      for (const [i, step] of all.entries()) {
        if (step === "take") {
          const first = index.firstById
          assert.strictEqual(first, model.toSorted(before)[0])
          if (first !== undefined) index.delete(first)
          model = model.filter((item) => item !== first)
        } else if ("add" in step) {
          const item: Item = {
            id: `${step.id}-${i}`,
            score: step.add,
            previous: undefined,
            next: undefined,
            position: notInHeap
          }
          index.add(item)
          model = [...model, item]
        } else if (model.length > 0) {
          const item = model[step.remove % model.length]!
          index.delete(item)
          model = model.filter((other) => other !== item)
        }

        assert.strictEqual(index.size, model.length)
        assert.strictEqual(index.first?.score, model.toSorted(before)[0]?.score)
        assert.deepStrictEqual(
          index.sorted().map(({ id }) => id),
          model.toSorted(before).map(({ id }) => id)
        )
      }
    }),
    { numRuns: 500 }
  )
})
