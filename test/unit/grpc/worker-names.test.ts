import { assert, describe, it } from "vitest"
import fc from "fast-check"
import { claimerName, encodeWorker, holderOf, workerIdOf } from "../../../src/grpc/worker-names.ts"

describe("names of remote workers", () => {
  it("give back the worker's id, whatever it is, and hold what the store takes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), fc.nat(100), (workerId, index) => {
        const name = claimerName(workerId, "grpc-1", index)

        assert.match(name, /^[!-+\--~]+$/)
        assert.strictEqual(workerIdOf(name), workerId)
        assert.strictEqual(holderOf(name), encodeWorker(workerId))
      })
    )
  })

  it("differ for every claim that runs beside others", () => {
    const names = [0, 1, 2].map((index) => claimerName("a/b", "grpc-1", index))

    assert.strictEqual(new Set(names).size, 3)
    assert.isTrue(names.every((name) => holderOf(name) === "a/b"))
  })

  it("of the library's own workers are left as they are", () => {
    assert.deepStrictEqual(["host-1", "50%"].map(workerIdOf), ["host-1", "50%"])
  })
})
