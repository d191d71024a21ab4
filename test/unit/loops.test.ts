import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Loops } from "../../src/features/loops/Loops.ts"

describe("loops", () => {
  it.effect("one that dies of a bug starts again and is not missed", () =>
    Effect.gen(function* () {
      const loops = new Loops()
      let starts = 0
      yield* loops.fork(
        "ticker",
        Effect.suspend(() => (++starts === 1 ? Effect.die("a bug") : Effect.never))
      )

      yield* TestClock.adjust("1 second")

      assert.deepStrictEqual([starts, loops.ended], [2, []])
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
  )

  it.effect("one that ends by itself is missed, one whose scope closes is not", () =>
    Effect.gen(function* () {
      const loops = new Loops()
      const end = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const mortal = yield* loops.fork("mortal", Deferred.await(end))
      yield* loops.fork("steady", Effect.never).pipe(Scope.provide(scope))
      const before = loops.ended

      yield* Deferred.succeed(end, undefined)
      yield* Fiber.await(mortal)
      const ended = loops.ended
      yield* Scope.close(scope, Exit.void)
      const afterwards = loops.ended

      assert.deepStrictEqual([before, ended, afterwards], [[], ["mortal"], ["mortal"]])
    })
  )

  it.effect("one run elsewhere that has died is missed until taken off", () =>
    Effect.gen(function* () {
      const loops = new Loops()
      const fiber = yield* Effect.forkChild(Effect.die("a bug"))
      loops.add("claim loop", fiber)

      yield* Fiber.await(fiber)
      const ended = loops.ended
      loops.remove("claim loop")

      assert.deepStrictEqual([ended, loops.ended], [["claim loop"], []])
    })
  )
})
