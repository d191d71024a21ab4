import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Member } from "../../domain/Job.ts"
import { memberJobId } from "../../domain/workflow-graph.ts"
import { JobStore, memberAcceptMillis, type MemberEnding } from "../../ports/JobStore.ts"
import { StoreError } from "../../ports/StoreError.ts"
import { type Advance, type Created, type NewWorkflow, type Start, WorkflowStore } from "../../ports/WorkflowStore.ts"

/** Endings told, and jobs enqueued, in one step. */
const stepSize = 500

/** Workflows told at the same time. */
const concurrency = 16

/** Jobs cancelled at the same time. */
const cancelling = 32

/** A member as it ended, and the queue that remembers it. */
export interface Relayed {
  readonly queue: string
  readonly ending: MemberEnding
}

const grouped = <A>(items: ReadonlyArray<A>, keyOf: (item: A) => string): ReadonlyMap<string, ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

/** Does all of it, whatever fails: one workflow that cannot be told must not hold up the others. Fails with the first. */
export const eachApart = <A, R>(
  items: ReadonlyArray<A>,
  act: (item: A) => Effect.Effect<void, StoreError, R>
): Effect.Effect<void, StoreError, R> =>
  Effect.flatMap(Effect.partition(items, act, { concurrency }), ([[first]]) =>
    first === undefined ? Effect.void : Effect.fail(first)
  )

const jobIdOf = ({ generation, node, workflow }: Member) => memberJobId(workflow, node, generation)

const why = "its workflow stops"

/**
 * Enqueues what is to start; answers which are stored, and which cannot be since something else has their ids. When the
 * workflow stops, nobody knows whether a process that is gone, or slow, has enqueued them: stored as expired, or kept
 * away by what is stored or has ended already, each of them ends like any other job, and runs at most once.
 */
const enqueueIn = Effect.fnUntraced(function* (queue: string, starts: ReadonlyArray<Start>, { now, stop }: Advance) {
  const store = yield* JobStore
  const outcomes = yield* store.enqueue(
    queue,
    starts.map(({ job, member }) => ({
      ...job,
      ...(stop ? { expires: { inMillis: 0 } } : {}),
      id: jobIdOf(member),
      member,
      acceptBefore: now + memberAcceptMillis
    }))
  )
  const stored: Array<Member> = []
  const taken: Array<Member> = []
  for (const [i, outcome] of outcomes.entries()) {
    const { member } = starts[i]!
    if (outcome._tag === "Late") {
      return yield* new StoreError({
        operation: "enqueue",
        retryable: true,
        reason: "unavailable",
        cause: new Error("the call was held up for too long")
      })
    }
    if (outcome._tag === "Existing" && !outcome.identical) taken.push(member)
    else stored.push(member)
  }
  return { stored, taken }
})

/** Cancels the jobs of a workflow that stops, page by page. */
const cancelOpen = Effect.fnUntraced(function* (id: string) {
  const store = yield* JobStore
  const workflows = yield* WorkflowStore
  let cursor: string | undefined
  do {
    const page = yield* workflows.openJobs(id, cursor)
    yield* Effect.forEach(page.jobs, ({ jobId, queue }) => store.cancel({ queue, jobId, reason: why }), {
      concurrency: cancelling,
      discard: true
    })
    cursor = page.cursor
  } while (cursor !== undefined)
})

/**
 * Does what a workflow answered, and what follows from that, until nothing is left to do. `done` comes then, along with
 * the last word to the workflow that its jobs are enqueued: should that be lost, they would be found enqueued.
 */
export const carryOut: <R = never>(
  id: string,
  advance: Advance,
  done?: Effect.Effect<void, StoreError, R>
) => Effect.Effect<void, StoreError, JobStore | WorkflowStore | R> = Effect.fnUntraced(function* <R>(
  id: string,
  first: Advance,
  done: Effect.Effect<void, StoreError, R> = Effect.void
) {
  const workflows = yield* WorkflowStore
  let advance = first
  while (true) {
    const stored: Array<Member> = []
    const taken: Array<Member> = []
    for (const [queue, group] of grouped(advance.starts, (start) => start.queue)) {
      // a queue that fails must not have the others' jobs enqueued time and again
      const outcome = yield* enqueueIn(queue, group, advance).pipe(
        Effect.tapError(() => Effect.ignore(workflows.confirm(id, stored)))
      )
      taken.push(...outcome.taken)
      stored.push(...outcome.stored)
    }
    const confirmed = workflows.confirm(id, stored)
    if (advance.stop && !advance.more) yield* cancelOpen(id)
    if (!advance.more && taken.length === 0) {
      return yield* Effect.all([confirmed, done], { concurrency: "unbounded", discard: true })
    }
    yield* confirmed
    const next = yield* workflows.advance({
      id,
      endings: taken.map((member) => ({
        member,
        // it has no endings of its own
        sequence: 0,
        ended: { _tag: "Dead", reason: "skipped", error: `another job has the id ${jobIdOf(member)}` }
      })),
      limit: stepSize,
      drive: advance.more
    })
    // a workflow that is gone has nothing left to learn
    if (Option.isNone(next)) return yield* done
    advance = next.value
  }
})

/** Has a workflow do what is outstanding, whoever left it so. */
export const drive = Effect.fnUntraced(function* (id: string) {
  const workflows = yield* WorkflowStore
  const advance = yield* workflows.advance({ id, endings: [], limit: stepSize, drive: true })
  const driven = workflows.driven(id)
  yield* Option.isSome(advance) ? carryOut(id, advance.value, driven) : driven
})

/** Starts a workflow that was stored just now: what it would answer is known. */
export const begin = Effect.fnUntraced(function* ({ id, nodes }: NewWorkflow, created: Created) {
  const workflows = yield* WorkflowStore
  const starts = nodes.flatMap(({ job, parents }, node): ReadonlyArray<Start> =>
    job === undefined || parents.length > 0
      ? []
      : [{ ...job, member: { workflow: id, node, generation: created.createdAt } }]
  )
  const advance: Advance = {
    state: "running",
    now: created.createdAt,
    starts: starts.slice(0, stepSize),
    more: starts.length > stepSize,
    stop: false
  }
  yield* carryOut(id, advance, workflows.driven(id, created))
})

const tellOne = Effect.fnUntraced(function* (id: string, relayed: ReadonlyArray<Relayed>) {
  const store = yield* JobStore
  const workflows = yield* WorkflowStore
  for (let first = 0; first < relayed.length; first += stepSize) {
    const step = relayed.slice(first, first + stepSize)
    const endings = step.map(({ ending }) => ending)
    const advance = yield* workflows.advance({ id, endings, limit: stepSize })
    // last of all: until then whoever comes next starts over
    const forget = Effect.forEach(
      grouped(step, (item) => item.queue),
      ([queue, group]) =>
        store.forgetEndings(
          queue,
          group.map(({ ending }) => ending)
        ),
      { discard: true }
    )
    yield* Option.isSome(advance) ? carryOut(id, advance.value, forget) : forget
  }
})

/** Tells workflows how members ended, and carries out what follows. Every step may be repeated by anybody. */
export const relay = (relayed: ReadonlyArray<Relayed>): Effect.Effect<void, StoreError, JobStore | WorkflowStore> =>
  eachApart([...grouped(relayed, ({ ending }) => ending.member.workflow)], ([id, group]) => tellOne(id, group))
