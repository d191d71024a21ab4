import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Client, JobStore, QueueControl, SkipRetry, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Large extends Task.make("unit.large", {
  payload: { n: Schema.Int },
  success: Schema.String,
  queue: "large"
}) {}

const megabyte = 1_000_000

describe("large settlements", () => {
  it.effect("go out a few megabytes at a time, and at least one at once", () =>
    Effect.gen(function* () {
      const ports = yield* Layer.build(Client.layer.pipe(Layer.provideMerge(Memory.layer)))
      const store = Context.get(ports, JobStore)
      const told: Array<ReadonlyArray<number>> = []
      const watched: JobStore["Service"] = {
        ...store,
        exchange: (request) => {
          const lengths = request.settlements.map((settlement) => JSON.stringify(settlement).length)
          if (lengths.length > 0) told.push(lengths)
          return Effect.andThen(Effect.sleep("150 millis"), store.exchange(request))
        }
      }
      yield* Layer.build(
        Worker.layer({
          tasks: [Large],
          concurrency: 20,
          maxResultBytes: 10 * megabyte,
          lease: "1 hour",
          drain: 0
        }).pipe(
          Layer.provide(
            Worker.handler(Large, ({ n }) =>
              Effect.andThen(
                Effect.sleep("1 second"),
                n === 0
                  ? Effect.succeed("x".repeat(6 * megabyte))
                  : n < 10
                    ? Effect.succeed("x".repeat(megabyte))
                    : Effect.fail(new SkipRetry({ error: "x".repeat(100) }))
              )
            )
          ),
          Layer.provide(Layer.succeed(JobStore, watched)),
          Layer.provide(Layer.succeedContext(ports))
        )
      )
      const payloads = Array.from({ length: 20 }, (_, n) => ({ n }))
      yield* Effect.provideContext(Client.enqueueMany(Large, payloads), ports)
      for (let steps = 0; steps < 60; steps++) yield* TestClock.adjust("100 millis")

      const { active, completed, dead } = yield* Context.get(ports, QueueControl).depths("large")
      assert.deepStrictEqual({ active, completed, dead }, { active: 0, completed: 10, dead: 10 })
      for (const lengths of told) {
        const sum = lengths.reduce((all, length) => all + length, 0)
        assert.isTrue(lengths.length === 1 || sum < 4.5 * megabyte, lengths.join())
      }
      assert.isTrue(told.some(([first]) => first! > 6 * megabyte))
    })
  )
})
