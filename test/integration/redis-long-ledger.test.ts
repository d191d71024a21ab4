import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { maxErrorLength, maxFailures } from "../../src/domain/Job.ts"
import * as Redis from "../../src/backends/redis/index.ts"
import { JobStore } from "../../src/ports/JobStore.ts"
import { freshRedis } from "../support/fresh-redis.ts"

/** Microseconds; a look at a job takes a thousandth of it, and took many times as long when it searched line by line. */
const tooLong = 1_000_000

it.live("watching a job with a full ledger does not hold up Redis", () =>
  Effect.gen(function* () {
    const server = yield* freshRedis({ args: ["--slowlog-log-slower-than", String(tooLong)] })

    const reply = yield* Effect.gen(function* () {
      const store = yield* JobStore
      const job = { id: "a", kind: "k", payload: "", priority: 0, maxAttempts: maxFailures + 1, retainMillis: 0 }
      yield* store.enqueue("q", [job])
      for (let number = 1; number <= maxFailures; number++) {
        const claim = { number: 2 * number, limit: 1, leaseMillis: 30_000 }
        const { claimed } = yield* store.exchange({ queue: "q", worker: "w", settlements: [], claim })
        const [{ id: jobId, token }] = claimed as [(typeof claimed)[number]]
        const error = "x".repeat(maxErrorLength)
        const settlements = [{ _tag: "Retry" as const, jobId, token, delayMillis: 0, error }]
        yield* store.exchange({ queue: "q", worker: "w", settlements })
      }
      return yield* store.watch({ queue: "q", jobId: "a", watcher: "me", ref: 1 })
    }).pipe(Effect.provide(Redis.layer({ url: `redis://127.0.0.1:${server.port}` })))
    const slow = yield* Effect.promise(() => server.ask("SLOWLOG", "GET"))

    assert.deepStrictEqual(reply, { _tag: "Watching" })
    assert.deepStrictEqual(slow, [])
  })
)
