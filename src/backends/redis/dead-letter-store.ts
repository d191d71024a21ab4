import * as Effect from "effect/Effect"
import type { JobId } from "../../domain/Job.ts"
import { type DeadSelection, DeadLetterStore, type RedriveOutcome } from "../../ports/DeadLetterStore.ts"
import type { Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"

const outcomeOf = (word: string): RedriveOutcome => (word === "ok" ? "redriven" : (word as RedriveOutcome))

export const make = (queues: Queues): DeadLetterStore["Service"] => {
  /** The ids first, and then what is done to them: a script that picks by itself would pick more when it is repeated. */
  const select = (operation: string, queue: string, selection: DeadSelection) =>
    "jobIds" in selection || selection.oldest < 1
      ? Effect.succeed("jobIds" in selection ? selection.jobIds : [])
      : queues.run<ReadonlyArray<JobId>>(operation, scripts.oldest, queue, [selection.skip ?? 0, selection.oldest])

  return DeadLetterStore.of({
    redrive: Effect.fnUntraced(function* (queue, selection) {
      const ids = yield* select("redrive", queue, selection)
      if (ids.length === 0) return []
      const reply = yield* queues.run<ReadonlyArray<string>>("redrive", scripts.redrive, queue, ids)
      return Array.from({ length: reply.length / 2 }, (_, i) => ({
        jobId: reply[2 * i]!,
        outcome: outcomeOf(reply[2 * i + 1]!)
      }))
    }),
    purge: Effect.fnUntraced(function* (queue, selection) {
      const ids = yield* select("purge", queue, selection)
      return ids.length === 0 ? 0 : yield* queues.run<number>("purge", scripts.purge, queue, ids)
    })
  })
}
