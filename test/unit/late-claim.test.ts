import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Client, JobStore, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Late extends Task.make("unit.late", { payload: { n: Schema.Int }, queue: "late" }) {}

/** A store whose first claim with jobs is answered after this long. */
const slowStore = (store: JobStore["Service"], millis: number): JobStore["Service"] => {
  let isFirst = true
  return {
    ...store,
    exchange: (request) =>
      Effect.tap(store.exchange(request), ({ claimed }) => {
        if (claimed.length === 0 || !isFirst) return Effect.void
        isFirst = false
        return Effect.sleep(millis)
      })
  }
}

const attemptsAfter = (millis: number) =>
  Effect.gen(function* () {
    const ports = yield* Layer.build(Client.layer.pipe(Layer.provideMerge(Memory.layer)))
    const store = Context.get(ports, JobStore)
    const started: Array<number> = []
    yield* Effect.provideContext(Client.enqueue(Late, { n: 1 }, { id: "a" }), ports)
    yield* Layer.build(
      Worker.layer({ tasks: [Late], lease: "10 seconds", sweep: "1 hour", poll: "1 second", drain: 0 }).pipe(
        Layer.provide(
          Worker.handler(Late, (_, job) =>
            Effect.andThen(
              Effect.sync(() => void started.push(job.attempt)),
              Effect.never
            )
          )
        ),
        Layer.provide(Layer.succeed(JobStore, slowStore(store, millis))),
        Layer.provide(Layer.succeedContext(ports))
      )
    )
    for (let seconds = 0; seconds < 14; seconds++) yield* TestClock.adjust("1 second")
    return { started, job: Option.getOrThrow(yield* store.get("late", "a")) }
  })

describe("a claim that is answered late", () => {
  it.effect("starts its jobs while their leases go on", () =>
    Effect.gen(function* () {
      const { job, started } = yield* attemptsAfter(5000)

      assert.deepStrictEqual(started, [1])
      assert.deepInclude(job, { state: "active", attempt: 1 })
    })
  )

  it.effect("starts nothing once the leases are over: the jobs are given back", () =>
    Effect.gen(function* () {
      const { job, started } = yield* attemptsAfter(11_000)

      // given back uncounted, and claimed again
      assert.deepStrictEqual(started, [1])
      assert.deepInclude(job, { state: "active", attempt: 1, rescues: 0 })
    })
  )
})
