import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Client } from "../features/client/Client.ts"
import { Backend } from "./Backend.ts"
import { settings, tlsTexts } from "./settings.ts"

/** The store that the configuration names, with a client on it. */
export const store = Effect.gen(function* () {
  const { redis } = yield* settings
  const backend = yield* Backend
  return Layer.provideMerge(Client.layer, backend.layer(redis, yield* tlsTexts(redis.tlsFiles)))
})

/** Runs what needs the store: connects first, and closes the connection in the end. */
export const connected = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.flatMap(store, (layer) => Effect.provide(work, layer))
