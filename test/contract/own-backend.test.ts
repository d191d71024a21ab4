import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Capabilities, Wakeups } from "winterq"
import * as Memory from "winterq/memory"
import { type Ports, storeContract } from "winterq/testing/contract"

/**
 * A backend of somebody else, held to the contract as published: jobs in memory, and nobody is woken before the time
 * that they would wait. Workers manage, since they look by themselves; those rules are not kept.
 */
const layer: Layer.Layer<Ports> = Layer.effectContext(
  Effect.gen(function* () {
    const backend = yield* Layer.build(Memory.layer)
    const wakeups = Wakeups.of({
      subscribe: () => Effect.succeed({ wait: (millis) => Effect.sleep(millis), pass: Effect.void })
    })
    const capabilities = Capabilities.of({ ...Context.get(backend, Capabilities), backend: "sleepy" })
    return backend.pipe(Context.add(Wakeups, wakeups), Context.add(Capabilities, capabilities))
  })
)

const reason = "nobody is woken"

storeContract("a backend of one's own", layer, {
  deviations: ["WAKE-1", "WAKE-3", "WAKE-4", "WAKE-5", "WAKE-8", "WAKE-9"].map((rule) => ({ rule, reason }))
})
