import fc from "fast-check"
import { assert, it } from "vitest"
import { Fifo } from "../../src/features/worker/Fifo.ts"

it("a fifo gives back what it was given, in order, also when it is never empty for long", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 3000, max: 6000 }), (resident, turns) => {
      const fifo = new Fifo<number>()
      let next = 0
      let expected = 0
      for (; next < resident; next++) fifo.push(next)
      for (let i = 0; i < turns; i++) {
        fifo.push(next++)
        assert.strictEqual(fifo.take(), expected++)
        assert.strictEqual(fifo.size, resident)
      }
    }),
    { numRuns: 20 }
  )
})

it("a fifo that is never empty does not grow", () => {
  const fifo = new Fifo<number>()
  fifo.push(0)
  const run = (turns: number) => {
    for (let i = 0; i < turns; i++) {
      fifo.push(i)
      fifo.take()
    }
  }
  run(10_000)
  const before = process.memoryUsage().heapUsed
  run(20_000_000)

  // twenty million places would be 160 megabytes
  assert.isBelow(process.memoryUsage().heapUsed - before, 100_000_000)
})
