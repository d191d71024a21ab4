import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { JobIds } from "../../ports/JobIds.ts"
import type { Notice, Notices } from "../../ports/Notices.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { Waiting } from "../../ports/Waiting.ts"
import type { WorkflowStore } from "../../ports/WorkflowStore.ts"

/** Between looks for a notice that was lost, in milliseconds. */
const lookMillis = 10_000

/** Waits for workflows to end: told by notices, and looking from time to time in case one is lost. */
export interface Ends {
  readonly wait: (id: string) => Effect.Effect<void, StoreError>
}

/** Notices are opened with the first wait, so that programs that only start need no connection for them. */
export const make = Effect.fnUntraced(function* (store: WorkflowStore["Service"], notices: Notices["Service"]) {
  const scope = yield* Effect.scope
  const ids = yield* JobIds
  const watcher = `workflows-${yield* ids.next}`
  const waiting = new Map<number, Deferred.Deferred<void>>()
  const opening = Semaphore.makeUnsafe(1)
  let isOpen = false
  let lastRef = 0

  const listen = (inbox: Queue.Dequeue<Notice>) =>
    Effect.gen(function* () {
      while (true) {
        const notice = yield* Queue.take(inbox)
        const told = notice._tag === "WorkflowEnded" ? waiting.get(notice.ref) : undefined
        if (told !== undefined) yield* Deferred.succeed(told, undefined)
      }
    })

  const open = opening.withPermit(
    Effect.gen(function* () {
      if (isOpen) return
      const inbox = yield* Scope.provide(notices.open(watcher), scope)
      yield* Effect.forkIn(listen(inbox), scope)
      isOpen = true
    })
  )

  const wait: Ends["wait"] = (id) =>
    Effect.gen(function* () {
      yield* open
      const ref = ++lastRef
      const told = yield* Deferred.make<void>()
      const watch = { id, watcher, ref }
      waiting.set(ref, told)
      yield* Effect.gen(function* () {
        let over = yield* store.watch(watch)
        while (!over) {
          const hearing = Effect.timeoutOption(Deferred.await(told), lookMillis)
          over = Option.isSome(yield* Effect.provideService(hearing, Waiting, "look"))
          // an outage ends the first look, which nothing has promised yet, but not a wait that is under way
          if (!over) over = yield* store.watch(watch).pipe(Effect.catch(() => Effect.succeed(false)))
        }
      }).pipe(
        Effect.onInterrupt(() => Effect.ignore(store.unwatch(watch))),
        Effect.ensuring(Effect.sync(() => waiting.delete(ref)))
      )
    })

  return { wait } satisfies Ends
})
