import { status } from "@grpc/grpc-js"
import * as Cause from "effect/Cause"
import { assert, describe, it } from "vitest"
import { InvalidInput } from "../../../src/domain/limits.ts"
import { statusOf } from "../../../src/grpc/status.ts"

describe("the status of a call", () => {
  it("is short enough for a header, whatever was wrong", () => {
    const failed = Cause.fail(new InvalidInput({ field: "cron", problem: "😀".repeat(100_000) }))

    const { code, details } = statusOf("put schedule", failed, false)

    assert.strictEqual(code, status.INVALID_ARGUMENT)
    assert.isBelow(details.length, 2000)
    assert.isTrue(details.isWellFormed())
  })
})
