import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { JobStore } from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { drive, eachApart, relay } from "./relay.ts"

const endingsLimit = 500
const dueLimit = 100
const pruneLimit = 100

/** Tells workflows of endings that whoever settled them did not tell. */
const relayRest = Effect.fnUntraced(function* (queue: string) {
  const store = yield* JobStore
  while (true) {
    const endings = yield* store.endings(queue, endingsLimit)
    yield* relay(endings.map((ending) => ({ queue, ending })))
    if (endings.length < endingsLimit) return
  }
})

/**
 * Goes on with workflows where processes that are gone left off, stops those past their deadline, and removes those
 * whose time is over.
 *
 * **Shape** Every worker does this for its queues by itself; many at once do no harm.
 * **Errors** `StoreError`: what was done stays done.
 * **Ref** docs/semantics.md WORKFLOW-3, WORKFLOW-9, WORKFLOW-13
 * @category workflows
 * @since 0.1.0
 */
export const maintain = (queues: ReadonlyArray<string>): Effect.Effect<void, StoreError, JobStore | WorkflowStore> =>
  Effect.gen(function* () {
    const workflows = yield* WorkflowStore
    const told = yield* Effect.result(eachApart(queues, relayRest))
    let driven: Result.Result<void, StoreError> = Result.succeed(undefined)
    while (true) {
      const due = yield* workflows.due(dueLimit)
      const step = yield* Effect.result(eachApart(due, drive))
      if (Result.isSuccess(driven)) driven = step
      if (due.length < dueLimit) break
    }
    while ((yield* workflows.prune(pruneLimit)) === pruneLimit) yield* Effect.yieldNow
    yield* Effect.fromResult(told)
    yield* Effect.fromResult(driven)
  })
