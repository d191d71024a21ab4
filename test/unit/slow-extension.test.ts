import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Client, JobStore, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Long extends Task.make("unit.long", { payload: { n: Schema.Int }, queue: "long" }) {}

/** A store that takes so long for an extension, half of it before it happens. */
const farStore = (store: JobStore["Service"], millis: number, underWay: Array<number>): JobStore["Service"] => ({
  ...store,
  extendLeases: (request) =>
    Effect.suspend(() => {
      underWay.push((underWay.at(-1) ?? 0) + 1)
      return Effect.sleep(millis / 2).pipe(
        Effect.andThen(store.extendLeases(request)),
        Effect.tap(Effect.sleep(millis / 2)),
        Effect.ensuring(Effect.sync(() => underWay.push(underWay.at(-1)! - 1)))
      )
    })
})

const run = (millis: number) =>
  Effect.gen(function* () {
    const ports = yield* Layer.build(Client.layer.pipe(Layer.provideMerge(Memory.layer)))
    const ends: Array<string> = []
    const underWay: Array<number> = []
    yield* Layer.build(
      Worker.layer({ tasks: [Long], lease: "3 seconds", sweep: "1 hour", drain: 0 }).pipe(
        Layer.provide(
          Worker.handler(Long, () =>
            Effect.sleep("10 seconds").pipe(
              Effect.andThen(Effect.sync(() => void ends.push("done"))),
              Effect.onInterrupt(() => Effect.sync(() => void ends.push("interrupted")))
            )
          )
        ),
        Layer.provide(Layer.succeed(JobStore, farStore(Context.get(ports, JobStore), millis, underWay))),
        Layer.provide(Layer.succeedContext(ports))
      )
    )
    yield* Effect.provideContext(Client.enqueue(Long, { n: 1 }), ports)
    for (let tenths = 0; tenths < 150; tenths++) yield* TestClock.adjust("100 millis")
    return { ends, most: Math.max(...underWay) }
  }).pipe(Effect.scoped)

describe("an extension that takes long", () => {
  it.effect("keeps the lease while it takes less than two heartbeats", () =>
    Effect.gen(function* () {
      for (const millis of [200, 900, 1100, 1900]) {
        assert.deepStrictEqual((yield* run(millis)).ends, ["done"], `${millis} ms`)
      }
    })
  )

  it.effect("is asked for twice at most before the first is answered", () =>
    Effect.gen(function* () {
      const { ends, most } = yield* run(60_000)

      assert.strictEqual(most, 2)
      assert.strictEqual(ends[0], "interrupted")
    })
  )
})
