import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import * as Memory from "winterq/memory"
import * as Listening from "../../src/features/notices/Listening.ts"
import type { Notice } from "../../src/ports/Notices.ts"

const ended = (ref: number): Notice => ({
  _tag: "Ended",
  ref,
  ended: { _tag: "Completed" }
})

describe("listening for notices", () => {
  it.effect("goes on after a notice that a bug stumbles over", () =>
    Effect.gen(function* () {
      const inbox = yield* Queue.unbounded<Notice>()
      const listening = yield* Listening.make("client", { open: () => Effect.succeed(inbox) } as never, (notice) => {
        if (notice._tag !== "Ended" || notice.ref < 0) throw new Error("a bug")
        return { ref: notice.ref, value: notice.ref }
      })
      const waits = yield* Deferred.make<number>()
      const wait = yield* Effect.forkScoped(
        listening.during(({ ref }, told) => Effect.andThen(Deferred.succeed(waits, ref), told))
      )
      const ref = yield* Deferred.await(waits)

      yield* Queue.offerAll(inbox, [ended(-1), ended(ref)])
      yield* TestClock.adjust("1 second")
      const told = wait.pollUnsafe()

      assert.deepStrictEqual(told, yield* Effect.exit(Effect.succeed(Option.some(ref))))
      yield* Fiber.interrupt(wait)
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"), Effect.provide(Memory.layer))
  )
})
