import * as Effect from "effect/Effect"
import { type DeadLetters, JobStore, type NewJob, QueueControl } from "winterq"
import * as Redis from "winterq/redis"
import { redisUrl } from "./redis-url.ts"

export const job = (id: string, options: Partial<NewJob> = {}): NewJob => ({
  ...{ id, kind: "cli.job", payload: `{"id":"${id}","big":12345678901234567890}`, priority: 5, maxAttempts: 3 },
  retainMillis: 600_000,
  ...options
})

/** Acts on the store of a prefix, as a program would. */
export const onStore = <A, E>(
  prefix: string,
  work: Effect.Effect<A, E, Effect.Services<ReturnType<typeof DeadLetters.redriveAll>> | JobStore | QueueControl>
) => Effect.runPromise(Effect.provide(work, Redis.layer({ url: redisUrl(), prefix })))

/** Enqueues jobs that die at once. */
export const die = (prefix: string, queue: string, ...jobs: ReadonlyArray<NewJob>) =>
  onStore(
    prefix,
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* store.enqueue(queue, jobs)
      const claim = { number: 1, limit: 1000, leaseMillis: 60_000 }
      const worker = crypto.randomUUID()
      const { claimed } = yield* store.exchange({ queue, worker, settlements: [], claim })
      yield* store.exchange({
        ...{ queue, worker },
        settlements: claimed.map(({ id, token }) => ({
          ...{ _tag: "Bury" as const, jobId: id, token, reason: "skipped" as const },
          error: `refused ${id}\nat somewhere`
        }))
      })
      yield* QueueControl.use((control) => control.removeWorker(queue, worker))
    })
  )
