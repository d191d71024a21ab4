import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** The system's clock, moved by what the function says at the time. Sleeping and monotonic time stay as they are. */
export const shiftedClock = (shiftMillis: () => number): Clock.Clock => {
  const real = Context.get(Context.empty(), Clock.Clock)
  const millis = () => real.currentTimeMillisUnsafe() + shiftMillis()
  const nanos = () => real.currentTimeNanosUnsafe() + BigInt(shiftMillis()) * 1_000_000n
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: real.monotonicTimeNanos,
    sleep: (duration) => real.sleep(duration)
  }
}
