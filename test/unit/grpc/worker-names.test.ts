import { assert, describe, it } from "vitest"
import fc from "fast-check"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { checkWorker } from "../../../src/domain/limits.ts"
import { workerIdOf as checkedWorkerId } from "../../../src/grpc/fields.ts"
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

  it("are short enough for the store, or the worker's id is refused", () => {
    const server = `grpc-${"x".repeat(128)}`
    const units = fc.constantFrom("binary", "grapheme", "binary-ascii") as fc.Arbitrary<"binary">

    fc.assert(
      fc.property(
        units.chain((unit) => fc.string({ unit, maxLength: 250, size: "max" })),
        (workerId) => {
          const checked = Effect.runSync(Effect.result(checkedWorkerId(workerId)))

          if (Result.isSuccess(checked)) {
            assert.isTrue(Result.isSuccess(checkWorker(claimerName(workerId, server, 100_000))))
          } else {
            assert.strictEqual(checked.failure.field, "worker_id")
          }
        }
      )
    )
  })

  it("may be of any script, as far as there is room", () => {
    const isGood = (workerId: string) => Effect.runSync(Effect.isSuccess(checkedWorkerId(workerId)))

    assert.deepStrictEqual(
      ["x".repeat(200), "Ж".repeat(133), "漢".repeat(88), "", "x".repeat(201), "Ж".repeat(134), "漢".repeat(89)].map(
        isGood
      ),
      [true, true, true, false, false, false, false]
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
