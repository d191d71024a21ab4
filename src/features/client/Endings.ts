import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Ended, JobId } from "../../domain/Job.ts"
import { JobIds } from "../../ports/JobIds.ts"
import type { JobStore, Watch } from "../../ports/JobStore.ts"
import type { Notice, Notices } from "../../ports/Notices.ts"
import { type Purpose, Waiting } from "../../ports/Waiting.ts"
import type { StoreError } from "../../ports/StoreError.ts"

/** Between looks for a notice that was lost, in milliseconds. */
const lookMillis = 10_000

/** A job that was never there sends no notice. */
const missingMillis = (watching: boolean): number => (watching ? 1000 : 0)

/** Waits for jobs to end: told by notices, and looking from time to time in case one is lost. */
export interface Endings {
  /** How the job ended; nothing when it is not stored. */
  readonly of: (queue: string, jobId: JobId) => Effect.Effect<Option.Option<Ended>, StoreError>
}

/** Notices are opened with the first wait, so that programs that only enqueue need no connection for them. */
export const make = Effect.fnUntraced(function* (store: JobStore["Service"], notices: Notices["Service"]) {
  const scope = yield* Effect.scope
  const ids = yield* JobIds
  const watcher = `client-${yield* ids.next}`
  const waiting = new Map<number, Deferred.Deferred<Ended>>()
  const opening = Semaphore.makeUnsafe(1)
  let isOpen = false
  let lastRef = 0

  const listen = (inbox: Queue.Dequeue<Notice>) =>
    Effect.gen(function* () {
      while (true) {
        const notice = yield* Queue.take(inbox)
        if (notice._tag !== "Ended") continue
        const told = waiting.get(notice.ref)
        if (told !== undefined) yield* Deferred.succeed(told, notice.ended)
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

  const wait = (watch: Watch, told: Deferred.Deferred<Ended>) =>
    Effect.gen(function* () {
      const within = (millis: number, why: Purpose) =>
        Effect.provideService(Effect.timeoutOption(Deferred.await(told), millis), Waiting, why)
      let watching = false
      let reply = yield* store.watch(watch)
      while (true) {
        if (reply._tag === "Ended") return Option.some(reply.ended)
        // a job that ended between two looks may have left nothing but a notice, which comes at once or was lost
        if (reply._tag === "Missing") return yield* within(missingMillis(watching), "limit")
        watching = true
        const ended = yield* within(lookMillis, "look")
        if (Option.isSome(ended)) return ended
        // an outage ends the first look, which nothing has promised yet, but not a wait that is under way
        reply = yield* store.watch(watch).pipe(Effect.catch(() => Effect.succeed({ _tag: "Watching" as const })))
      }
    })

  const of: Endings["of"] = (queue, jobId) =>
    Effect.gen(function* () {
      yield* open
      const ref = ++lastRef
      const told = yield* Deferred.make<Ended>()
      const watch: Watch = { queue, jobId, watcher, ref }
      waiting.set(ref, told)
      return yield* wait(watch, told).pipe(
        Effect.onInterrupt(() => Effect.ignore(store.unwatch(watch))),
        Effect.ensuring(Effect.sync(() => waiting.delete(ref)))
      )
    })

  return { of } satisfies Endings
})
