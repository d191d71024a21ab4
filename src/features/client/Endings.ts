import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Ended, JobId } from "../../domain/Job.ts"
import type { JobStore, Watch } from "../../ports/JobStore.ts"
import type { Notices } from "../../ports/Notices.ts"
import { type Purpose, Waiting } from "../../ports/Waiting.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import * as Listening from "../notices/Listening.ts"

/** Between looks for a notice that was lost, in milliseconds. */
const lookMillis = 10_000

/** A job that was never there sends no notice. */
const missingMillis = (watching: boolean): number => (watching ? 1000 : 0)

/** Waits for jobs to end: told by notices, and looking from time to time in case one is lost. */
export interface Endings {
  /** How the job ended; nothing when it is not stored. */
  readonly of: (queue: string, jobId: JobId) => Effect.Effect<Option.Option<Ended>, StoreError>
}

export const make = Effect.fnUntraced(function* (store: JobStore["Service"], notices: Notices["Service"]) {
  const listening = yield* Listening.make("client", notices, (notice) =>
    notice._tag === "Ended" ? { ref: notice.ref, value: notice.ended } : undefined
  )

  const wait = (watch: Watch, told: Effect.Effect<Option.Option<Ended>>) =>
    Effect.gen(function* () {
      const within = (millis: number, why: Purpose) =>
        Effect.provideService(Effect.map(Effect.timeoutOption(told, millis), Option.flatten), Waiting, why)
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
    }).pipe(Effect.onInterrupt(() => Effect.ignore(store.unwatch(watch))))

  return {
    of: (queue, jobId) => listening.during((call, told) => wait({ queue, jobId, ...call }, told))
  } satisfies Endings
})
