import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Notices } from "../../ports/Notices.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { Waiting } from "../../ports/Waiting.ts"
import type { WorkflowStore, WorkflowWatch } from "../../ports/WorkflowStore.ts"
import * as Listening from "../notices/Listening.ts"

/** Between looks for a notice that was lost, in milliseconds. */
const lookMillis = 10_000

/** Waits for workflows to end: told by notices, and looking from time to time in case one is lost. */
export interface Ends {
  readonly wait: (id: string) => Effect.Effect<void, StoreError>
}

export const make = Effect.fnUntraced(function* (store: WorkflowStore["Service"], notices: Notices["Service"]) {
  const listening = yield* Listening.make("workflows", notices, (notice) =>
    notice._tag === "WorkflowEnded" ? { ref: notice.ref, value: undefined } : undefined
  )

  const wait = (watch: WorkflowWatch, told: Effect.Effect<Option.Option<undefined>>) =>
    Effect.gen(function* () {
      let over = yield* store.watch(watch)
      while (!over) {
        const hearing = Effect.map(Effect.timeoutOption(told, lookMillis), Option.flatten)
        over = Option.isSome(yield* Effect.provideService(hearing, Waiting, "look"))
        // an outage ends the first look, which nothing has promised yet, but not a wait that is under way
        if (!over) over = yield* store.watch(watch).pipe(Effect.catch(() => Effect.succeed(false)))
      }
    }).pipe(Effect.onInterrupt(() => Effect.ignore(store.unwatch(watch))))

  return { wait: (id) => listening.during((call, told) => wait({ id, ...call }, told)) } satisfies Ends
})
