import * as Effect from "effect/Effect"
import { QueueControl } from "../ports/QueueControl.ts"
import { NotFound } from "./errors.ts"

/** Fails unless the store knows the queue, or one of its shards. */
export const mustExist = Effect.fnUntraced(function* (name: string, parts: ReadonlyArray<string>) {
  const known = yield* QueueControl.use((control) => control.queues)
  if (!parts.some((part) => known.includes(part))) return yield* new NotFound({ what: `queue ${name}` })
})
