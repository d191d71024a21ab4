import { assert } from "@effect/vitest"
import type { JobId, JobState } from "../../../../src/domain/Job.ts"
import { isFinal } from "../../../../src/domain/transition.ts"
import * as Store from "../../../../src/ports/JobStore.ts"
import type { Model } from "../Model.ts"
import type { Real } from "../Real.ts"
import { command, show } from "./command.ts"

/** A job that was stored before with the same unique key, or with none. */
interface Other {
  readonly id: JobId
  readonly state: JobState
  readonly until: Store.NewJob["uniqueUntil"]
}

/** What kinds of thing happened in an enqueue. */
function* kinds(job: Store.NewJob, outcome: Store.EnqueueOutcome, others: ReadonlyArray<Other>) {
  yield outcome._tag === "Existing" ? `Existing, identical ${outcome.identical}` : outcome._tag
  const state = "of" in outcome ? others.find(({ id }) => id === outcome.of)?.state : undefined
  if (outcome._tag === "Replaced") yield `Replaced ${state}`
  if (outcome._tag === "Duplicate" && (state === undefined || isFinal(state))) yield "Duplicate of an ended job"
  if (outcome._tag === "Duplicate" && job.onDuplicate === "replace") yield "Duplicate, not replaced"
  const isStarted = ({ state, until }: Other) => until === "started" && !isFinal(state)
  if (outcome._tag === "Enqueued" && job.uniqueKey !== undefined && others.some(isStarted)) yield "key of a started job"
}

const sendEnqueue = async (model: Model, real: Real, jobs: ReadonlyArray<Store.NewJob>) => {
  const reply = await real.ask(
    Store.JobStore.use((store) => store.enqueue(real.queue, jobs)),
    "enqueue",
    jobs
  )
  const expected = jobs.map((job) => {
    const others = [...model.jobs.values()].filter(({ given }) => given.uniqueKey === job.uniqueKey)
    const held = others.map(({ given, job: { id, state } }) => ({ id, state, until: given.uniqueUntil }))
    const outcome = model.enqueue(job)
    for (const kind of kinds(job, outcome, held)) real.tally(kind)
    return outcome
  })
  assert.deepStrictEqual(reply, expected)
  return [...new Set([...jobs.map(({ id }) => id), ...reply.flatMap((it) => ("of" in it ? it.of : []))])]
}

/** Relative to now, or an instant so far from now. */
interface When {
  readonly delay?: number
  readonly instant?: number
}

export type JobPlan = Omit<Store.NewJob, "kind" | "visible" | "expires"> & {
  readonly visible?: When
  readonly expires?: When
}

const resolve = ({ delay, instant }: When, now: number): Store.NewJob["visible"] => {
  if (delay !== undefined) return { inMillis: delay }
  return instant === undefined ? undefined : { at: now + instant }
}

const toJob = ({ expires: expiring = {}, visible: appearing = {}, ...plan }: JobPlan, now: number): Store.NewJob => {
  const [visible, expires] = [resolve(appearing, now), resolve(expiring, now)]
  return {
    ...{ ...plan, kind: "model" },
    ...(visible === undefined ? {} : { visible }),
    ...(expires === undefined ? {} : { expires })
  }
}

export const enqueue = (plans: ReadonlyArray<JobPlan>) =>
  command(`enqueue ${show(plans)}`, (model, real) =>
    sendEnqueue(
      model,
      real,
      plans.map((plan) => toJob(plan, model.now))
    )
  )

const freed = (model: Readonly<Model>) => model.issued.filter(({ jobId }) => !model.jobs.has(jobId))

/** Another job with the id of one that is gone. */
export const enqueueFreed = ([n, plan]: readonly [number, JobPlan]) =>
  command(
    `enqueue ${show(plan)} with the id of gone job ${n}`,
    (model, real) => {
      const ids = freed(model)
      return sendEnqueue(model, real, [{ ...toJob(plan, model.now), id: ids.at(-1 - (n % ids.length))!.jobId }])
    },
    (model) => freed(model).length > 0
  )

/** Enqueues the n-th stored job once more, with one thing changed or none. */
export const enqueueAgain = ([n, change]: readonly [number, Partial<Store.NewJob>]) =>
  command(
    `enqueue stored job ${n} again ${show(change)}`,
    (model, real) => sendEnqueue(model, real, [{ ...[...model.jobs.values()][n % model.jobs.size]!.given, ...change }]),
    (model) => model.jobs.size > 0
  )
