import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { JobId } from "../domain/Job.ts"
import * as Inspector from "../features/inspector/Inspector.ts"
import { NotFound } from "./errors.ts"
import { queueParts } from "./known-queues.ts"

const inAny = (queues: ReadonlyArray<string>, id: JobId) =>
  Effect.map(
    Effect.forEach(queues, (queue) => Inspector.job(queue, id), { concurrency: 16 }),
    Option.firstSomeOf
  )

/** A job of the queue that is named, or of whichever has it. */
export const findJob = Effect.fnUntraced(function* (id: JobId, queue: Option.Option<string>) {
  const found = Option.isSome(queue) ? yield* inAny(yield* queueParts(queue.value), id) : yield* Inspector.find(id)
  if (Option.isNone(found)) return yield* new NotFound({ what: `job ${id}` })
  return found.value
})
