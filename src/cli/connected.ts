import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Client } from "../features/client/Client.ts"
import { Workflows } from "../features/workflows/Workflows.ts"
import { Backend } from "./Backend.ts"
import { settings, tlsTexts } from "./settings.ts"

/** The store that the configuration names, with clients on it. */
const storeWithin = Effect.fnUntraced(function* (patienceMillis: number) {
  const { redis } = yield* settings
  const backend = yield* Backend
  const timeoutMillis = Math.min(redis.timeoutMillis, patienceMillis)
  const ports = backend.layer({ ...redis, timeoutMillis }, yield* tlsTexts(redis.tlsFiles))
  return Layer.provideMerge(Layer.mergeAll(Client.layer, Workflows.layer), ports)
})

/** The store for processes that run for long. */
export const store = storeWithin(Number.POSITIVE_INFINITY)

/** Whoever waits for an answer at a terminal hears within five seconds that there is none, starting up included. */
const patienceMillis = 3500

/** Runs what needs the store: connects first, and closes the connection in the end. */
export const connected = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.flatMap(storeWithin(patienceMillis), (layer) => Effect.provide(work, layer))
