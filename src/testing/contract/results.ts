import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { SkipRetry } from "../../domain/Steering.ts"
import type { AnyTask } from "../../domain/Task.ts"
import * as Task from "../../domain/Task.ts"
import { Client, type JobHandle } from "../../features/client/Client.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { type Notice, Notices } from "../../ports/Notices.ts"
import { contract } from "./contract.ts"
import { bury, complete, job } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"
import { advanceUntil, Echo, enqueue, eventually, isIn, work } from "./worker-support.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { at: Schema.Date }) {}

class Fragile extends Task.make("contract.fragile", {
  payload: { how: Schema.String },
  success: Schema.Date,
  error: Refused,
  maxAttempts: 1
}) {}

/** Waits with a client that lives as long as the test. */
const client = Effect.map(Layer.build(Client.layer), (services) => {
  const awaitResult = <T extends AnyTask>(handle: Pick<JobHandle<T>, "id" | "queue" | "task">) =>
    Effect.provideContext(Client.awaitResult(handle), services)
  return { awaitResult }
})

const handleOf = (queue: TestQueue, id: string) => ({ id, queue: queue.name, task: Echo })

export const resultsContract = contract("results", (it) => {
  it.effect("WATCH-5 RESULT-1 whoever waits looks when notices may have been lost", (queue) =>
    Effect.gen(function* () {
      const mailbox = yield* Queue.unbounded<Notice>()
      const deaf = Notices.of({ open: () => Effect.succeed(mailbox), quiet: () => Effect.void })
      const { awaitResult } = yield* Effect.provideService(client, Notices, deaf)
      yield* queue.enqueue(job("a", { kind: Echo.kind, retainMillis: 60_000 }))
      const waiting = yield* Effect.forkChild(awaitResult(handleOf(queue, "a")), { startImmediately: true })
      yield* queue.settle(complete(yield* queue.claimOne(), '"done"'))

      // time stands still
      yield* Effect.yieldNow
      assert.isUndefined(waiting.pollUnsafe())
      yield* Queue.offer(mailbox, { _tag: "Missed" })

      assert.strictEqual(yield* Fiber.join(waiting), "done")
    })
  )

  it.effect("RESULT-1 RESULT-4 whoever waits is told the decoded success when the job ends", (queue) =>
    Effect.gen(function* () {
      const { awaitResult } = yield* client
      const gate = yield* Deferred.make<string>()
      yield* work(queue, Echo, () => Deferred.await(gate))
      const handle = yield* enqueue(queue, Echo, { text: "" })
      const waiting = yield* Effect.forkChild(
        Effect.all([awaitResult(handle), awaitResult(handle)], { concurrency: 2 })
      )
      yield* eventually(isIn(queue, handle.id, "active"))

      yield* Deferred.succeed(gate, "done")

      assert.deepStrictEqual(yield* Fiber.join(waiting), ["done", "done"])
      assert.strictEqual(yield* awaitResult(handle), "done")
    })
  )

  it.effect(
    "RESULT-1 a task without a success gives nothing to who waits, and is missing once it has completed",
    (queue) =>
      Effect.gen(function* () {
        class Silent extends Task.make("contract.silent", { payload: Schema.Void }) {}
        const { awaitResult } = yield* client
        const gate = yield* Deferred.make<void>()
        yield* work(queue, Silent, () => Deferred.await(gate))
        const handle = yield* enqueue(queue, Silent, undefined)
        const waiting = yield* Effect.forkChild(awaitResult(handle), { startImmediately: true })
        yield* eventually(
          Effect.map(
            JobStore.use((store) => store.watch({ queue: queue.name, jobId: handle.id, watcher: "nobody", ref: 0 })),
            ({ _tag }) => _tag === "Watching"
          )
        )
        yield* eventually(isIn(queue, handle.id, "active"))

        yield* Deferred.succeed(gate, undefined)

        assert.isUndefined(yield* Fiber.join(waiting))
        assert.strictEqual((yield* Effect.flip(awaitResult(handle)))._tag, "JobMissing")
      })
  )

  it.effect("RESULT-2 the declared error comes back typed, any other death as JobDead", (queue) =>
    Effect.gen(function* () {
      const { awaitResult } = yield* client
      const refused = new Refused({ at: new Date(5) })
      yield* work(queue, Fragile, ({ how }) => {
        if (how === "typed") return Effect.fail(refused)
        if (how === "skipped") return Effect.fail(new SkipRetry({ error: refused }))
        return how === "defect" ? Effect.die(new Error("a bug")) : Effect.fail("something else")
      })
      const results = []
      for (const how of ["typed", "skipped", "defect", "other"]) {
        results.push(yield* Effect.flip(awaitResult(yield* enqueue(queue, Fragile, { how }))))
      }

      const [typed, skipped, defect, other] = results
      assert.instanceOf(typed, Refused)
      assert.deepStrictEqual(
        [typed, skipped].map((error) => error instanceof Refused && error.at.getTime()),
        [5, 5]
      )
      assert.deepInclude(defect, { _tag: "JobDead", reason: "exhausted" })
      assert.include(defect?.message, "a bug")
      assert.include(other?.message, "something else")
    })
  )

  it.effect("RESULT-3 a cancelled, expired or unknown job fails with its own error", (queue) =>
    Effect.gen(function* () {
      const { awaitResult } = yield* client
      yield* queue.enqueue(
        job("cancelled", { retainMillis: 1000 }),
        job("expired", { expires: { inMillis: 0 }, retainMillis: 1000 })
      )
      yield* JobStore.use((store) => store.cancel({ queue: queue.name, jobId: "cancelled", reason: "no" }))
      yield* queue.claim()

      const errors = yield* Effect.forEach(["cancelled", "expired", "unknown"], (id) =>
        Effect.flip(awaitResult(handleOf(queue, id)))
      )

      assert.deepStrictEqual(
        errors.map(({ _tag }) => _tag),
        ["JobCancelled", "JobExpired", "JobMissing"]
      )
    })
  )

  it.effect("RESULT-3 a result of another shape is InvalidResult", (queue) =>
    Effect.gen(function* () {
      const { awaitResult } = yield* client
      yield* queue.enqueue(job("a", { retainMillis: 1000 }))
      yield* queue.settle(complete(yield* queue.claimOne(), "5"))

      const error = yield* Effect.flip(awaitResult(handleOf(queue, "a")))

      assert.strictEqual(error._tag, "InvalidResult")
    })
  )

  it.effect("RESULT-4 a lost notice only costs time", (queue) =>
    Effect.gen(function* () {
      const deaf = Notices.of({ open: () => Queue.unbounded<never>(), quiet: () => Effect.void })
      const { awaitResult } = yield* Effect.provideService(client, Notices, deaf)
      yield* queue.enqueue(job("a", { retainMillis: 3_600_000 }))
      const waiting = yield* Effect.forkChild(Effect.flip(awaitResult(handleOf(queue, "a"))), {
        startImmediately: true
      })
      yield* queue.settle(bury(yield* queue.claimOne()))

      yield* advanceUntil(Effect.map(queue.depths, () => waiting.pollUnsafe() !== undefined))

      assert.strictEqual((yield* Fiber.join(waiting))._tag, "JobDead")
    })
  )
})
