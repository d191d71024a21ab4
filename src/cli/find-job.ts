import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { JobId } from "../domain/Job.ts"
import * as Inspector from "../features/inspector/Inspector.ts"
import { QueueControl } from "../ports/QueueControl.ts"
import { BadUsage, NotFound } from "./errors.ts"
import { queueParts } from "./known-queues.ts"

/** A job of the queue that is named, or of whichever has it. Ids are unique in a queue only: of several none is taken. */
export const findJob = Effect.fnUntraced(function* (id: JobId, queue: Option.Option<string>) {
  const queues = Option.isSome(queue) ? yield* queueParts(queue.value) : yield* QueueControl.use(({ queues }) => queues)
  const views = yield* Effect.forEach(queues, (name) => Inspector.job(name, id), { concurrency: 16 })
  const [found, ...others] = views.flatMap(Option.toArray)
  if (found === undefined) return yield* new NotFound({ what: `job ${id}` })
  if (others.length > 0) {
    const names = [found, ...others].map(({ job }) => job.queue)
    return yield* new BadUsage({
      why: `${names.length} queues have a job ${id}: ${names.join(", ")}; name one with --queue`
    })
  }
  return found
})
