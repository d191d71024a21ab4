import * as Effect from "effect/Effect"
import { type DeadSelection, DeadLetterStore, type RedriveOutcome } from "../../ports/DeadLetterStore.ts"
import type { Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"

const encodeSelection = (selection: DeadSelection): ReadonlyArray<string | number> =>
  "jobIds" in selection ? ["", ...selection.jobIds] : [selection.oldest]

const outcomeOf = (word: string): RedriveOutcome => (word === "ok" ? "redriven" : (word as RedriveOutcome))

const isNothing = (selection: DeadSelection): boolean =>
  "jobIds" in selection ? selection.jobIds.length === 0 : selection.oldest < 1

export const make = (queues: Queues): DeadLetterStore["Service"] =>
  DeadLetterStore.of({
    redrive: (queue, selection) =>
      isNothing(selection)
        ? Effect.succeed([])
        : Effect.map(
            queues.run<ReadonlyArray<string>>("redrive", scripts.redrive, queue, encodeSelection(selection)),
            (reply) =>
              Array.from({ length: reply.length / 2 }, (_, i) => ({
                jobId: reply[2 * i]!,
                outcome: outcomeOf(reply[2 * i + 1]!)
              }))
          ),
    purge: (queue, selection) =>
      isNothing(selection)
        ? Effect.succeed(0)
        : queues.run<number>("purge", scripts.purge, queue, encodeSelection(selection))
  })
