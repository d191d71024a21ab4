import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { liveness, readiness, type Status } from "../../src/features/health/Health.ts"
import { Loops } from "../../src/features/health/Loops.ts"

const status = (differences: Partial<Status> = {}): Status => ({
  ...{ id: "w", queues: ["q"], stopping: false, quiet: false, endedLoops: [], answeredMillisAgo: 5 },
  ...differences
})

describe("loops", () => {
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

  it.effect("one that dies of a bug is missed until it is taken off", () =>
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

describe("verdicts", () => {
  it("one of several that is not well decides", () => {
    const statuses = [status(), status({ storeProblem: "full" })]

    assert.deepStrictEqual(readiness(statuses), { ok: false, reason: "store", detail: "full" })
    assert.deepStrictEqual(readiness([status(), status()]), { ok: true })
  })

  it("an ended loop is neither live nor ready", () => {
    const ended = { ok: false, reason: "loop", detail: "ticker" }
    const statuses = [status(), status({ endedLoops: ["ticker"] })]

    assert.deepStrictEqual([liveness(statuses), readiness(statuses)], [ended, ended])
  })

  it("whoever was never answered has not started", () => {
    const { answeredMillisAgo: _, ...never } = status()

    assert.deepStrictEqual(readiness([never]), { ok: false, reason: "starting" })
    assert.deepStrictEqual(liveness([never]), { ok: true })
  })
})
