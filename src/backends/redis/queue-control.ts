import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Job, JobId, JobState } from "../../domain/Job.ts"
import { checkLimits, checkRateLimit, parsePlace, refusalOf, refused } from "../../ports/checks.ts"
import { type Counters, type Depths, type JobPage, QueueControl, type RateLimit } from "../../ports/QueueControl.ts"
import { decodeJob, type RawJob } from "./codec.ts"
import type { Connection } from "./Connection.ts"
import { registryKey } from "./keys.ts"
import type { Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"
import { warnUnreadable } from "./unreadable.ts"

/** In the order of the keys of stats.lua. */
const states = [
  "pending",
  "scheduled",
  "retry",
  "active",
  "completed",
  "cancelled",
  "dead"
] as const satisfies ReadonlyArray<JobState>

const counterNames = [
  "enqueued",
  "claimed",
  "completed",
  "retried",
  "died",
  "cancelled",
  "snoozed",
  "released",
  "rescued",
  "redriven",
  "removed",
  "duplicates",
  "stale",
  "expired"
] as const satisfies ReadonlyArray<keyof Counters>

const named = <Name extends string>(names: ReadonlyArray<Name>, values: ReadonlyArray<string | number>) =>
  Object.fromEntries(names.map((name, i) => [name, Number(values[i])])) as Record<Name, number>

/** A limit that is lifted while jobs of its kind still wait apart stands there as zeros. */
const decodeRateLimits = (flat: ReadonlyArray<string>): Readonly<Record<string, RateLimit>> =>
  Object.fromEntries(
    Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!] as const)
      .filter(([, text]) => text !== "0,0,0")
      .map(([kind, text]) => {
        const [limit, perMillis, burst] = text.split(",").map(Number) as [number, number, number]
        return [kind, { limit, perMillis, burst }]
      })
  )

type RawPage = readonly [0 | 1, ...ReadonlyArray<RawJob>]

export const make = (connection: Connection, queues: Queues): QueueControl["Service"] => {
  const stats = (operation: string, queue: string, fields: ReadonlyArray<string>) =>
    queues.run<ReadonlyArray<string | number>>(operation, scripts.stats, queue, fields)

  const setPaused = (operation: string, queue: string, paused: 0 | 1) =>
    Effect.map(queues.run<number>(operation, scripts.pause, queue, [paused]), (changed) => changed === 1)

  const page = (queue: string, [more, ...raw]: RawPage): Effect.Effect<JobPage> => {
    const last = raw.at(-1)
    const jobs: Array<Job> = []
    const unreadable: Array<string> = []
    for (const one of raw) {
      const job = decodeJob(queue, one)
      if (job === undefined) unreadable.push(one[0])
      else jobs.push(job)
    }
    const found = { jobs, ...(more === 1 && last !== undefined ? { cursor: `${last[2]}:${last[0]}` } : {}) }
    return unreadable.length === 0 ? Effect.succeed(found) : Effect.as(warnUnreadable(queue, unreadable), found)
  }

  return QueueControl.of({
    queues: Effect.map(
      connection.ask("queues", (commands) => commands.smembers(registryKey(connection.prefix))),
      (names) => names.toSorted()
    ),
    pause: (queue) => Effect.andThen(queues.registerIfRoom("pause", queue), setPaused("pause", queue, 1)),
    resume: (queue) => setPaused("resume", queue, 0),
    isPaused: (queue) => Effect.map(stats("isPaused", queue, ["paused"]), (values) => values.at(-1) === "1"),
    limits: (queue) =>
      Effect.map(queues.readField("limits", queue, "meta", "max_active"), (value) =>
        value === null ? {} : { maxActive: Number(value) }
      ),
    setLimits: (queue, limits) =>
      refusalOf("setLimits", checkLimits(limits)) ??
      queues
        .register("setLimits", queue)
        .pipe(Effect.andThen(queues.run("setLimits", scripts.limit, queue, [limits.maxActive ?? ""])), Effect.asVoid),
    rateLimits: (queue) =>
      Effect.map(queues.run<ReadonlyArray<string>>("rateLimits", scripts.rates, queue, []), decodeRateLimits),
    setRateLimit: (queue, kind, limit) =>
      (limit === undefined ? undefined : refusalOf("setRateLimit", checkRateLimit(limit))) ??
      queues
        .register("setRateLimit", queue)
        .pipe(
          Effect.andThen(
            queues.run("setRateLimit", scripts.rate, queue, [
              kind,
              limit === undefined ? "" : `${limit.limit},${limit.perMillis},${limit.burst}`
            ])
          ),
          Effect.asVoid
        ),
    workers: (queue) =>
      Effect.map(queues.run<ReadonlyArray<string>>("workers", scripts.workers, queue, [1000]), (reply) =>
        Array.from({ length: reply.length / 3 }, (_, i) => ({
          id: reply[3 * i]!,
          seenAt: Number(reply[3 * i + 1]),
          about: reply[3 * i + 2]!
        })).toSorted((a, b) => (a.id < b.id ? -1 : 1))
      ),
    removeWorker: (queue, worker) => Effect.asVoid(queues.run("removeWorker", scripts.forget, queue, [worker])),
    runNow: (queue, jobIds) =>
      jobIds.length === 0
        ? Effect.succeed([])
        : queues.run<ReadonlyArray<JobId>>("runNow", scripts.runnow, queue, jobIds),
    remove: (queue, jobIds) =>
      jobIds.length === 0 ? Effect.succeed(0) : queues.run<number>("remove", scripts.remove, queue, jobIds),
    removeQueue: (queue) =>
      Effect.flatMap(queues.run<number>("removeQueue", scripts.raze, queue, []), (razed) =>
        razed === 1 ? Effect.as(queues.unregister("removeQueue", queue), true) : Effect.succeed(false)
      ),
    depths: (queue) => Effect.map(stats("depths", queue, ["paused"]), (values): Depths => named(states, values)),
    counters: (queue) =>
      Effect.map(stats("counters", queue, counterNames), (values): Counters =>
        named(counterNames, values.slice(states.length))
      ),
    list: ({ cursor, limit, queue, state }) => {
      const place = cursor === undefined ? Result.succeed(undefined) : parsePlace(cursor)
      if (Result.isFailure(place)) return Effect.fail(refused("list", place.failure))
      const { id = "", scoreText = "" } = place.success ?? {}
      return Effect.flatMap(
        state === "pending"
          ? queues.run<RawPage>("list", scripts.waiting, queue, [limit, scoreText])
          : queues.run<RawPage>(
              "list",
              scripts.list,
              queue,
              [state, state === "dead" ? 1 : 0, limit, scoreText, id],
              state
            ),
        (reply) => page(queue, reply)
      )
    }
  })
}
