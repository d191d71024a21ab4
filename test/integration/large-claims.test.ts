import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { JobStore, QueueControl } from "winterq"
import { freshRedis } from "../support/fresh-redis.ts"
import { portsOn } from "../support/Station.ts"

const payload = JSON.stringify("x".repeat(500_000))

const enqueue = (count: number, kind: string) =>
  JobStore.use((store) =>
    store.enqueue(
      "large",
      Array.from({ length: count }, (_, n) => ({
        ...{ id: `${kind}-${n}`, kind, payload, priority: 5, maxAttempts: 3, retainMillis: 0 }
      }))
    )
  )

const claim = (number: number) =>
  JobStore.use((store) =>
    store.exchange({ queue: "large", worker: "w", settlements: [], claim: { number, limit: 100, leaseMillis: 60_000 } })
  )

const limit = (kind: string) =>
  QueueControl.use((control) => control.setRateLimit("large", kind, { limit: 50, perMillis: 3_600_000, burst: 50 }))

describe("claims of large jobs", () => {
  for (const [title, limited] of [
    ["without rate limits", undefined],
    ["while another kind is limited", "other"],
    ["of a limited kind", "mine"]
  ] as const) {
    it.live(`hand out four megabytes at a time ${title}, and all in the end`, () =>
      Effect.gen(function* () {
        const { url } = yield* freshRedis()
        yield* Effect.gen(function* () {
          if (limited !== undefined) yield* limit(limited)
          yield* enqueue(20, "mine")

          const sizes: Array<number> = []
          for (let number = 1; sizes.at(-1) !== 0 && number < 10; number++) {
            const { claimed, more } = yield* claim(number)
            sizes.push(claimed.length)
            assert.strictEqual(more, sizes.reduce((sum, size) => sum + size, 0) < 20)
          }

          assert.deepStrictEqual(sizes, [8, 8, 4, 0])
        }).pipe(Effect.provide(yield* portsOn({ url })))
      }).pipe(Effect.scoped)
    )
  }
})
