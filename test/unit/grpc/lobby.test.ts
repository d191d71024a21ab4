import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import { makeLobbies } from "../../../src/grpc/Lobby.ts"
import type { Wakeup } from "../../../src/ports/Wakeups.ts"

const silent: Wakeup = { wait: (millis) => Effect.sleep(millis), pass: Effect.void }

/** Wake-ups whose subscriptions die of a bug, as many as are told. */
const buggy = (deaths: number) => {
  let subscribed = 0
  const subscribe = () => Effect.suspend(() => (++subscribed <= deaths ? Effect.die("a bug") : Effect.succeed(silent)))
  return { wakeups: { subscribe }, subscribed: () => subscribed }
}

describe("a lobby whose ear has a bug", () => {
  it.effect("does not send those who wait to look without end", () =>
    Effect.gen(function* () {
      const { wakeups } = buggy(Number.POSITIVE_INFINITY)
      const lobbies = makeLobbies(wakeups, yield* Effect.scope)
      let looks = 0
      const look = Effect.andThen(
        Effect.sync(() => looks++),
        lobbies.wait(["q"], 60_000)
      )
      yield* Effect.forkScoped(Effect.repeat(look, { times: 1000 }))

      yield* TestClock.adjust("20 seconds")

      assert.isAbove(looks, 3)
      assert.isBelow(looks, 20)
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
  )

  it.effect("listens again after a while", () =>
    Effect.gen(function* () {
      const { subscribed, wakeups } = buggy(2)
      const lobbies = makeLobbies(wakeups, yield* Effect.scope)
      yield* Effect.forkScoped(lobbies.wait(["q"], 60_000))

      yield* TestClock.adjust("1 second")

      assert.strictEqual(subscribed(), 3)
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
  )
})
