import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Client, JobStore, QueueControl, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Count extends Task.make("unit.count", { payload: { n: Schema.Int }, queue: "count" }) {}

/** A store with a bug: one of its exchanges dies, before or after it has happened. */
const buggyStore = (store: JobStore["Service"], dies: number, when: "before" | "after"): JobStore["Service"] => {
  let calls = 0
  return {
    ...store,
    exchange: (request) =>
      Effect.suspend(() => {
        if (++calls !== dies) return store.exchange(request)
        return Effect.andThen(when === "after" ? store.exchange(request) : Effect.void, Effect.die(new Error("a bug")))
      })
  }
}

const numbers = [0, 1, 2, 3, 4, 5]

const run = (concurrency: number, dies: number, when: "before" | "after") =>
  Effect.gen(function* () {
    const ports = yield* Layer.build(Client.layer.pipe(Layer.provideMerge(Memory.layer)))
    const store = Context.get(ports, JobStore)
    const ran: Array<number> = []
    yield* Layer.build(
      Worker.layer({ tasks: [Count], concurrency, prefetch: 0, lease: "1 hour", drain: 0 }).pipe(
        Layer.provide(
          Worker.handler(Count, ({ n }) =>
            Effect.andThen(
              Effect.sync(() => void ran.push(n)),
              Effect.sleep("20 millis")
            )
          )
        ),
        Layer.provide(Layer.succeed(JobStore, buggyStore(store, dies, when))),
        Layer.provide(Layer.succeedContext(ports))
      )
    )
    for (const n of numbers) {
      yield* Effect.provideContext(Client.enqueue(Count, { n }), ports)
      yield* TestClock.adjust("5 millis")
    }
    for (let steps = 0; steps < 200; steps++) yield* TestClock.adjust("100 millis")
    const { active, pending } = yield* Context.get(ports, QueueControl).depths("count")
    return { ran: ran.toSorted(), left: active + pending }
  }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))

describe("a bug in the claim loop", () => {
  for (const when of ["before", "after"] as const) {
    it.effect(`that strikes ${when} an exchange loses no job and no settlement`, () =>
      Effect.gen(function* () {
        for (const concurrency of [1, 3]) {
          for (let dies = 1; dies <= 8; dies++) {
            const found = yield* Effect.scoped(run(concurrency, dies, when))

            assert.deepStrictEqual(found, { ran: numbers, left: 0 }, `concurrency ${concurrency}, exchange ${dies}`)
          }
        }
      })
    )
  }
})
