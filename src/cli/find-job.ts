import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { JobId } from "../domain/Job.ts"
import * as Inspector from "../features/inspector/Inspector.ts"
import { NotFound } from "./errors.ts"

/** A job of the queue that is named, or of whichever has it. */
export const findJob = Effect.fnUntraced(function* (id: JobId, queue: Option.Option<string>) {
  const found = yield* Option.isSome(queue) ? Inspector.job(queue.value, id) : Inspector.find(id)
  if (Option.isNone(found)) return yield* new NotFound({ what: `job ${id}` })
  return found.value
})
