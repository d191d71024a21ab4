import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { JobStore } from "../../ports/JobStore.ts"
import { contract } from "./contract.ts"
import { complete, type Held, job, retry } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

interface Notes {
  readonly progress?: string
  readonly logs?: ReadonlyArray<string>
  readonly from?: number
}

const annotate = (queue: TestQueue, { id, token }: Held, { from = 0, logs: lines, ...rest }: Notes) =>
  JobStore.use((store) =>
    store.annotate({
      queue: queue.name,
      jobId: id,
      token,
      ...rest,
      ...(lines === undefined ? {} : { logs: { from, lines } })
    })
  )

const logs = (queue: TestQueue, id: string) => JobStore.use((store) => store.logs(queue.name, id))

export const notesContract = contract("progress and logs", (it) => {
  it.effect("NOTE-1 the latest progress of a job is kept", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()

      const done = [
        yield* annotate(queue, held, { progress: "0.1" }),
        yield* annotate(queue, held, { progress: `{"of":"x,y\\n"}` }),
        yield* annotate(queue, held, { logs: ["no progress"] })
      ]

      assert.deepStrictEqual(done, [true, true, true])
      assert.strictEqual((yield* queue.read("a")).progress, `{"of":"x,y\\n"}`)
    })
  )

  it.effect("NOTE-1 NOTE-2 a stale token sets nothing and is counted", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()
      yield* queue.settle(retry(held))
      const current = yield* queue.claimOne()
      yield* annotate(queue, current, { progress: "1", logs: ["current"] })

      const done = yield* annotate(queue, held, { progress: "2", logs: ["stale"] })

      assert.isFalse(done)
      assert.strictEqual((yield* queue.read("a")).progress, "1")
      assert.deepStrictEqual(yield* logs(queue, "a"), ["current"])
      assert.strictEqual((yield* queue.counters).stale, 1)
    })
  )

  it.effect("NOTE-2 the latest hundred log lines are kept, in order", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()
      const lines = Array.from({ length: 150 }, (_, i) => `line ${i}: "a,b"\n{c}`)

      yield* annotate(queue, held, { logs: lines.slice(0, 70) })
      const early = yield* logs(queue, "a")
      yield* annotate(queue, held, { from: 70, logs: lines.slice(70) })

      assert.deepStrictEqual(early, lines.slice(0, 70))
      assert.deepStrictEqual(yield* logs(queue, "a"), lines.slice(50))
    })
  )

  it.effect("NOTE-3 progress and log outlive the attempt, and end with the record", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("kept", { retainMillis: 1000 }), job("fleeting"))
      for (const held of yield* queue.claim()) {
        yield* annotate(queue, held, { progress: "1", logs: ["one"] })
        yield* queue.settle(complete(held))
      }
      yield* queue.enqueue(job("fleeting"))

      assert.strictEqual((yield* queue.read("kept")).progress, "1")
      assert.deepStrictEqual(yield* logs(queue, "kept"), ["one"])
      assert.isUndefined((yield* queue.read("fleeting")).progress)
      assert.deepStrictEqual(yield* logs(queue, "fleeting"), [])
    })
  )

  it.effect("NOTE-2 a repeated call adds no line twice, and a new attempt counts anew", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const held = yield* queue.claimOne()
      yield* annotate(queue, held, { logs: ["one", "two"] })
      yield* annotate(queue, held, { logs: ["one", "two"] })
      yield* annotate(queue, held, { from: 1, logs: ["two", "three"] })
      yield* queue.settle(retry(held))
      const again = yield* queue.claimOne()

      yield* annotate(queue, again, { logs: ["four"] })

      assert.deepStrictEqual(yield* logs(queue, "a"), ["one", "two", "three", "four"])
    })
  )
})
