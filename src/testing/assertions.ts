import { AssertionError } from "node:assert"
import * as Effect from "effect/Effect"
import type { AnyTask } from "../domain/Task.ts"
import { decoded, type Enqueued, wasStored } from "./Enqueued.ts"
import { Kit } from "./Kit.ts"
import { describeJob, describeMatch, type Match, misfits } from "./match.ts"
import type { Recorded } from "./Recorder.ts"

/** What a job that was enqueued must be like; what is left out is not asked. */
export interface Expected<T extends AnyTask> extends Match<T> {
  /** How many jobs must match; one at least when left out. */
  readonly count?: number
}

/** Lines of a message at most. */
const shownLimit = 20

const recordsOf = (kit: Kit["Service"], task: AnyTask): ReadonlyArray<Recorded> =>
  kit.recorder.all.filter(({ job }) => job.kind === task.kind)

/**
 * The jobs of a task that were enqueued and stored, by whomever, in order; jobs that have run since are among them.
 *
 * **Shape** Payloads are decoded by the task. Clients, handlers and schedules count alike.
 * **Example** examples/testing-an-app.ts
 * @category testing
 * @since 0.1.0
 */
export const enqueued = <T extends AnyTask>(task: T): Effect.Effect<ReadonlyArray<Enqueued<T>>, never, Kit> =>
  Kit.useSync((kit) =>
    recordsOf(kit, task)
      .filter(wasStored)
      .map((record) => decoded(task, record))
  )

/**
 * Forgets what was enqueued so far, so that assertions see only what comes.
 *
 * @category testing
 * @since 0.1.0
 */
export const forgetEnqueued: Effect.Effect<void, never, Kit> = Kit.useSync(({ recorder }) => recorder.forget())

/** What was enqueued: near misses first, each with what is wrong with it, then other kinds. */
const listing = <T extends AnyTask>(kit: Kit["Service"], task: T, match: Match<T>): string => {
  const near = recordsOf(kit, task)
    .map((record) => decoded(task, record))
    .map((job) => ({ job, problems: misfits(job, match) }))
    .toSorted((a, b) => a.problems.length - b.problems.length)
    .map(({ job, problems }) => `  ${describeJob(job)}${problems.map((problem) => `\n    ${problem}`).join("")}`)
  const others = new Map<string, number>()
  for (const { job } of kit.recorder.all) {
    if (job.kind !== task.kind) others.set(job.kind, (others.get(job.kind) ?? 0) + 1)
  }
  const lines = [
    ...near,
    ...Array.from(others, ([kind, count]) => `  ${kind}, ${count} ${count === 1 ? "job" : "jobs"}`)
  ]
  if (lines.length === 0) return "nothing was enqueued"
  const more = lines.length > shownLimit ? [`  and ${lines.length - shownLimit} more`] : []
  return ["enqueued were:", ...lines.slice(0, shownLimit), ...more].join("\n")
}

const matching = <T extends AnyTask>(kit: Kit["Service"], task: T, match: Match<T>): ReadonlyArray<Enqueued<T>> =>
  recordsOf(kit, task)
    .map((record) => decoded(task, record))
    .filter((job) => misfits(job, match).length === 0)

const wanted = <T extends AnyTask>(task: T, match: Match<T>): string => {
  const more = describeMatch(match)
  return more === "" ? task.kind : `${task.kind} with ${more}`
}

/**
 * Asserts that a job was enqueued, and answers those that match, payloads decoded.
 *
 * **Shape** What was enqueued counts, whether or not it has run since. `count` says how many must match.
 * **Errors** dies with an `AssertionError` that lists what was enqueued instead, near misses first.
 * **Example** `yield* Testing.assertEnqueued(SendEmail, { payload: { to: "ada@example.org" }, delay: "1 hour" })`
 * @category testing
 * @since 0.1.0
 */
export const assertEnqueued = <T extends AnyTask>(
  task: T,
  expected: Expected<T> = {}
): Effect.Effect<ReadonlyArray<Enqueued<T>>, never, Kit> =>
  Kit.use((kit) => {
    const { count, ...match } = expected
    const found = matching(kit, task, match)
    if (count === undefined ? found.length > 0 : found.length === count) return Effect.succeed(found)
    const what = wanted(task, match)
    const problem =
      count === undefined
        ? `no job was enqueued that is ${what}`
        : `${found.length} jobs were enqueued, and not ${count}, that are ${what}`
    const message = `${problem}\n${listing(kit, task, match)}`
    return Effect.die(new AssertionError({ message, actual: found.length, expected: count ?? 1, operator: "enqueued" }))
  })

/**
 * Asserts that no job was enqueued: none at all, none of a task, or none that matches.
 *
 * **Errors** dies with an `AssertionError` that lists those that were.
 * **Example** `yield* Testing.assertNoneEnqueued(SendEmail, { queue: "mail" })`
 * @category testing
 * @since 0.1.0
 */
export const assertNoneEnqueued: {
  (): Effect.Effect<void, never, Kit>
  <T extends AnyTask>(task: T, match?: Match<T>): Effect.Effect<void, never, Kit>
} = <T extends AnyTask>(task?: T, match: Match<T> = {}): Effect.Effect<void, never, Kit> =>
  Kit.use((kit) => {
    const found =
      task === undefined
        ? kit.recorder.all.filter(wasStored).map(({ job, queue }) => `${job.kind} ${job.payload} in ${queue}`)
        : matching(kit, task, match).map(describeJob)
    if (found.length === 0) return Effect.void
    const what = task === undefined ? "no job" : `no ${wanted(task, match)}`
    const lines = [
      `${what} was to be enqueued, but these were:`,
      ...found.slice(0, shownLimit).map((one) => `  ${one}`)
    ]
    return Effect.die(
      new AssertionError({ message: lines.join("\n"), actual: found.length, expected: 0, operator: "enqueued" })
    )
  })
