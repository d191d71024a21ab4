import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { Snooze } from "../../domain/Steering.ts"
import * as Workflow from "../../domain/Workflow.ts"
import { memberJobId } from "../../domain/workflow-graph.ts"
import { type AwaitWorkflowError, type WorkflowHandle, Workflows } from "../../features/workflows/Workflows.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { contract, type Ports } from "./contract.ts"
import { depths } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"
import {
  assertTotals,
  count,
  found,
  jobIdOf,
  newTrace,
  nodeStates,
  start,
  stateOf,
  step,
  tidy,
  untilEnded,
  withWorkflows,
  workOn
} from "./workflow-support.ts"
import { advanceUntil, eventually, isIn } from "./worker-support.ts"

const errorOf = <A, E>(handle: WorkflowHandle<A, E>) =>
  Effect.flip<A, E | AwaitWorkflowError, Ports>(withWorkflows(Workflows.awaitResult(handle)))

const cancelJob = (queue: TestQueue, jobId: string) =>
  JobStore.use((store) => store.cancel({ queue: queue.name, jobId, reason: "not this one" }))

const redrive = (queue: TestQueue, id: string, node: number) =>
  Effect.flatMap(jobIdOf(id, node), (jobId) => queue.redrive({ jobIds: [jobId] }))

const isRunning = (id: string) => Effect.map(stateOf(id), (state) => state === "running")

/** A step that runs until it is interrupted, and tells of both. */
const never = (started: Deferred.Deferred<void>, interrupted: Deferred.Deferred<void>) =>
  Deferred.succeed(started, undefined).pipe(
    Effect.andThen(Effect.never),
    Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
  )

export const workflowPoliciesContract = contract("failing workflows", (it) => {
  it.effect("WORKFLOW-5 the first failure stops what waits and what is left", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["bad"])
      yield* workOn([queue], trace)

      const handle = yield* start(
        Workflow.chain(
          Workflow.group([step(queue, "bad"), step(queue, "late", { delay: "1 hour" })]),
          step(queue, "after")
        )
      )
      yield* untilEnded(handle.id)

      assert.deepStrictEqual(trace.ran, ["bad"])
      assert.deepInclude(yield* found(handle.id), { state: "failed", stopCause: "failure", failed: 1, stopped: 2 })
      assert.deepStrictEqual(yield* nodeStates(handle.id), ["failed", "stopped", "skipped"])
      yield* assertTotals(handle.id)
      assert.deepInclude(yield* errorOf(handle), { _tag: "WorkflowFailed", reason: "job-dead", kind: "contract.step" })
    })
  )

  it.effect("WORKFLOW-5 a failure interrupts handlers that run, in other queues too", (queue) =>
    Effect.gen(function* () {
      const [started, interrupted] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const trace = newTrace()
      trace.does.set("long", never(started, interrupted))
      trace.does.set("bad", Effect.andThen(Deferred.await(started), Effect.fail("no")))
      yield* workOn([queue, queue.sibling], trace)

      const handle = yield* start(Workflow.group([step(queue, "bad"), step(queue.sibling, "long")]))
      yield* untilEnded(handle.id)

      yield* Deferred.await(interrupted)
      assert.deepInclude(yield* found(handle.id), { state: "failed", failed: 1, stopped: 1, open: 0 })
    })
  )

  it.effect("WORKFLOW-5 what completes although the workflow stops has completed", (queue) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<string>()
      const trace = newTrace()
      const stubborn = Effect.andThen(
        Deferred.succeed(started, undefined),
        Effect.uninterruptible(Deferred.await(gate))
      )
      trace.does.set("stubborn", stubborn)
      trace.does.set("bad", Effect.andThen(Deferred.await(started), Effect.fail("no")))
      yield* workOn([queue], trace)

      const handle = yield* start(
        Workflow.group([step(queue, "bad"), Workflow.chain(step(queue, "stubborn"), step(queue, "after"))])
      )
      yield* advanceUntil(Effect.map(found(handle.id), ({ stopCause }) => stopCause !== undefined))
      yield* Deferred.succeed(gate, "done")
      yield* untilEnded(handle.id)

      const states = yield* nodeStates(handle.id)
      assert.strictEqual(states[0], "failed")
      // interrupted after the gate had opened, or done: it ended by itself, or by the stop
      assert.include(["completed", "stopped"], states[1])
      assert.notInclude(trace.ran, "after")
      yield* assertTotals(handle.id)
    })
  )

  it.effect("WORKFLOW-5 a member that is cancelled by hand has failed", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      const handle = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b")))

      yield* cancelJob(queue, yield* jobIdOf(handle.id, 0))
      yield* tidy(queue)
      yield* workOn([queue], trace)
      yield* untilEnded(handle.id)

      assert.deepStrictEqual(trace.ran, [])
      assert.deepStrictEqual(yield* nodeStates(handle.id), ["cancelled", "skipped"])
      const error = yield* errorOf(handle)
      assert.deepInclude(error, { _tag: "WorkflowFailed", reason: "job-cancelled", error: "not this one", node: 0 })
    })
  )

  it.effect("WORKFLOW-5 a member that expires has failed", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      const handle = yield* start(Workflow.chain(step(queue, "a", { expires: "1 minute" }), step(queue, "b")))

      yield* TestClock.adjust("2 minutes")
      yield* workOn([queue], trace)
      yield* untilEnded(handle.id)

      assert.deepStrictEqual(trace.ran, [])
      assert.deepInclude(yield* errorOf(handle), { _tag: "WorkflowFailed", reason: "job-cancelled" })
    })
  )

  it.effect("WORKFLOW-5 a member whose id another job has has failed", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      yield* queue.enqueue({
        ...{
          id: memberJobId(queue.name, 1, yield* Clock.currentTimeMillis),
          kind: "contract.step",
          payload: `{"name":"stranger"}`
        },
        ...{ priority: 5, maxAttempts: 1, retainMillis: 0, visible: { inMillis: 3_600_000 } }
      })
      yield* workOn([queue], trace)

      const handle = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b"), step(queue, "c")), {
        id: queue.name
      })
      yield* untilEnded(handle.id)

      assert.deepStrictEqual(trace.ran, ["a"])
      assert.deepInclude(yield* errorOf(handle), { _tag: "WorkflowFailed", reason: "job-dead", node: 1 })
    })
  )

  it.effect("WORKFLOW-6 with finish what does not depend on the failure still runs", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["bad"])
      yield* workOn([queue], trace)
      const chainOf = (...names: readonly [string, ...ReadonlyArray<string>]) => {
        const [first, ...rest] = names.map((name) => step(queue, name))
        return Workflow.chain(first!, ...rest)
      }

      const handle = yield* start(
        Workflow.chord([chainOf("bad", "never"), chainOf("a", "b", "c")], step(queue, "callback")),
        { onFailure: "finish" }
      )
      yield* untilEnded(handle.id)

      assert.sameMembers(trace.ran, ["bad", "a", "b", "c"])
      assert.deepStrictEqual(yield* nodeStates(handle.id), [
        ...["failed", "skipped"],
        ...["completed", "completed", "completed", "skipped"]
      ])
      assert.deepInclude(yield* found(handle.id), { state: "failed", completed: 3, failed: 1, stopped: 2 })
      assert.notProperty(yield* found(handle.id), "stopCause")
      yield* assertTotals(handle.id)
    })
  )

  it.effect("WORKFLOW-7 with continue children of what failed run as well, and it completes", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["bad", "worse"])
      yield* workOn([queue], trace)
      const pair = (one: string, other: string) => Workflow.group([step(queue, one), step(queue, other)])

      const handle = yield* start(Workflow.chain(pair("bad", "a"), pair("b", "worse"), count(queue, "end")), {
        onFailure: "continue"
      })
      yield* untilEnded(handle.id)

      assert.sameMembers(trace.ran.slice(0, 2), ["bad", "a"])
      assert.sameMembers(trace.ran.slice(2, 4), ["b", "worse"])
      assert.deepInclude(yield* found(handle.id), { state: "completed", completed: 3, failed: 2 })
      assert.strictEqual(yield* withWorkflows(Workflows.awaitResult(handle)), 1)
    })
  )

  it.effect("WORKFLOW-8 cancelling stops what waits and interrupts what runs", (queue) =>
    Effect.gen(function* () {
      const [started, interrupted] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const trace = newTrace()
      trace.does.set("long", never(started, interrupted))
      yield* workOn([queue], trace)
      const handle = yield* start(
        Workflow.chain(Workflow.group([step(queue, "long"), step(queue.sibling, "waits")]), step(queue, "after"))
      )
      yield* Deferred.await(started)

      const outcome = yield* withWorkflows(Workflows.cancel(handle.id, "no need"))
      yield* Deferred.await(interrupted)
      yield* advanceUntil(
        Effect.andThen(
          tidy(queue, queue.sibling),
          Effect.map(isRunning(handle.id), (is) => !is)
        )
      )

      assert.strictEqual(outcome, "requested")
      assert.deepInclude(yield* found(handle.id), { state: "cancelled", stopCause: "cancelled", reason: "no need" })
      assert.deepStrictEqual(yield* nodeStates(handle.id), ["stopped", "stopped", "skipped"])
      assert.deepInclude(yield* errorOf(handle), { _tag: "WorkflowCancelled", reason: "no need" })
      assert.strictEqual(yield* withWorkflows(Workflows.cancel(handle.id)), "ended")
      assert.strictEqual(yield* withWorkflows(Workflows.cancel(`${handle.id}-nobody`)), "missing")
    })
  )

  it.effect("WORKFLOW-8 cancelling again finishes what a cancel that was cut off has begun", (queue) =>
    Effect.gen(function* () {
      const handle = yield* start(Workflow.group([step(queue, "a"), step(queue, "b")]))
      const stop = { cause: "cancelled", reason: "cut off" } as const
      yield* WorkflowStore.use((store) => store.advance({ id: handle.id, endings: [], limit: 10, stop }))

      yield* withWorkflows(Workflows.cancel(handle.id, "again"))
      yield* tidy(queue)

      assert.deepInclude(yield* found(handle.id), { state: "cancelled", reason: "cut off", stopped: 2 })
      assert.deepInclude(yield* queue.depths, { pending: 0 })
    })
  )

  it.effect("WORKFLOW-8 a cancel that was cut off is carried out by others", (queue) =>
    Effect.gen(function* () {
      const handle = yield* start(Workflow.group([step(queue, "a"), step(queue, "b")]))
      const stop = { cause: "cancelled", reason: "cut off" } as const
      yield* WorkflowStore.use((store) => store.advance({ id: handle.id, endings: [], limit: 10, stop }))

      yield* tidy(queue)
      const early = yield* stateOf(handle.id)
      yield* TestClock.adjust("30 seconds")
      yield* tidy(queue)
      yield* tidy(queue)

      assert.deepStrictEqual([early, yield* stateOf(handle.id)], ["running", "cancelled"])
      assert.deepInclude(yield* queue.depths, { pending: 0 })
    })
  )

  it.effect("WORKFLOW-8 a cancel before the first job was enqueued leaves none to run", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      const flow = Workflow.chain(step(queue, "a"), step(queue, "b"))
      // another process enqueues while this one cancels
      yield* Effect.all(
        [start(flow, { id: queue.name }), Effect.yieldNow.pipe(Effect.andThen(cancelSoon(queue.name)))],
        {
          concurrency: 2
        }
      )

      yield* workOn([queue], trace)
      yield* untilEnded(queue.name)

      assert.deepStrictEqual(trace.ran, [])
      assert.deepInclude(yield* found(queue.name), { state: "cancelled", stopped: 2 })
      assert.deepStrictEqual(yield* queue.depths, depths({ cancelled: (yield* queue.depths).cancelled }))
    })
  )

  it.effect("WORKFLOW-8 nothing revives a cancelled workflow", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["bad"])
      yield* workOn([queue], trace)
      const handle = yield* start(
        Workflow.chord([step(queue, "bad"), step(queue, "late", { delay: "1 hour" })], step(queue, "after")),
        { onFailure: "finish" }
      )
      yield* advanceUntil(Effect.map(found(handle.id), ({ failed }) => failed === 1))
      yield* withWorkflows(Workflows.cancel(handle.id))
      yield* untilEnded(handle.id)

      trace.failing.clear()
      yield* redrive(queue, handle.id, 0)
      yield* advanceUntil(Effect.map(found(handle.id), ({ completed }) => completed === 1))

      assert.deepInclude(yield* found(handle.id), { state: "cancelled", failed: 0 })
      assert.deepStrictEqual(trace.ran, ["bad", "bad"])
      yield* assertTotals(handle.id)
    })
  )

  it.effect("WORKFLOW-9 a workflow past its deadline is stopped, and nothing revives it", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["bad"])
      yield* workOn([queue], trace)
      const handle = yield* start(Workflow.group([step(queue, "bad"), step(queue, "late", { delay: "1 hour" })]), {
        onFailure: "finish",
        deadline: "2 minutes"
      })
      yield* TestClock.adjust("119 seconds")
      const before = yield* stateOf(handle.id)
      yield* untilEnded(handle.id)
      const { endedAt = 0, createdAt } = yield* found(handle.id)
      trace.failing.clear()
      yield* redrive(queue, handle.id, 0)
      yield* advanceUntil(Effect.map(found(handle.id), ({ completed }) => completed === 1))

      assert.strictEqual(before, "running")
      assert.isAtLeast(endedAt - createdAt, 120_000)
      assert.isAtMost(endedAt - createdAt, 150_000)
      assert.deepInclude(yield* found(handle.id), { state: "failed", stopCause: "deadline", stopped: 1 })
      assert.deepInclude(yield* errorOf(handle), { _tag: "WorkflowFailed", reason: "deadline" })
    })
  )

  it.effect("WORKFLOW-9 the deadline interrupts handlers that run", (queue) =>
    Effect.gen(function* () {
      const [started, interrupted] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const trace = newTrace()
      trace.does.set("long", never(started, interrupted))
      yield* workOn([queue], trace)

      const handle = yield* start(step(queue, "long"), { deadline: "10 seconds" })
      yield* untilEnded(handle.id)

      yield* Deferred.await(interrupted)
      assert.deepInclude(yield* found(handle.id), { state: "failed", stopCause: "deadline", stopped: 1 })
    })
  )

  it.effect("WORKFLOW-15 redriving what died revives the workflow, and what it stopped runs anew", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["bad"])
      yield* workOn([queue], trace)
      const handle = yield* start(
        Workflow.chord([step(queue, "bad"), step(queue, "late", { delay: "2 minutes" })], count(queue, "end"))
      )
      yield* untilEnded(handle.id)

      trace.failing.clear()
      yield* redrive(queue, handle.id, 0)
      yield* advanceUntil(isRunning(handle.id))
      yield* advanceUntil(
        Effect.map(stateOf(handle.id), (state) => state === "completed"),
        "5 seconds"
      )

      assert.deepStrictEqual(trace.ran, ["bad", "bad", "late", "end"])
      assert.strictEqual(yield* withWorkflows(Workflows.awaitResult(handle)), 2)
      assert.deepInclude(yield* found(handle.id), { completed: 3, failed: 0, stopped: 0 })
      assert.notProperty(yield* found(handle.id), "stopCause")
    })
  )

  it.effect("WORKFLOW-15 a workflow with two dead members completes when both are redriven", (queue) =>
    Effect.gen(function* () {
      for (const onFailure of ["stop", "finish"] as const) {
        const id = `${queue.name}-${onFailure}`.slice(-90)
        const gate = yield* Deferred.make<void>()
        const trace = newTrace()
        // neither dies before both run
        const dies = Effect.suspend(() =>
          trace.ran.length < 2 ? Deferred.await(gate) : Deferred.succeed(gate, undefined)
        ).pipe(Effect.andThen(Effect.fail("no")), Effect.uninterruptible)
        trace.does.set("one", dies).set("two", dies)
        yield* Effect.gen(function* () {
          yield* workOn([queue], trace)
          yield* start(Workflow.chord([step(queue, "one"), step(queue, "two")], count(queue, "end")), { id, onFailure })
          yield* untilEnded(id)
          assert.deepInclude(yield* found(id), { state: "failed", failed: 2 })

          trace.does.clear()
          yield* redrive(queue, id, 0)
          yield* advanceUntil(Effect.map(found(id), ({ completed }) => completed === 1))
          yield* untilEnded(id)
          assert.deepInclude(yield* found(id), { state: "failed", completed: 1, failed: 1 })
          yield* redrive(queue, id, 1)
          yield* advanceUntil(Effect.map(stateOf(id), (state) => state === "completed"))
        }).pipe(Effect.scoped)

        assert.deepStrictEqual(trace.ran, ["one", "two", "one", "two", "end"])
      }
    })
  )

  it.effect("WORKFLOW-15 a revived workflow can fail again", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["bad"])
      yield* workOn([queue], trace)
      const handle = yield* start(Workflow.chain(step(queue, "bad"), step(queue, "after")))
      yield* untilEnded(handle.id)

      yield* redrive(queue, handle.id, 0)
      yield* advanceUntil(Effect.map(queue.counters, ({ died }) => died === 2))
      yield* untilEnded(handle.id)

      assert.deepInclude(yield* found(handle.id), { state: "failed", failed: 1, stopped: 1 })
      yield* assertTotals(handle.id)
    })
  )

  it.effect("WORKFLOW-15 what a redrive overtakes while it is being stopped runs anew", (queue) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const trace = newTrace(["bad"])
      const lingers = Effect.never.pipe(Effect.onInterrupt(() => Deferred.await(gate)))
      trace.does.set("slow", lingers)
      yield* workOn([queue], trace)
      const handle = yield* start(
        Workflow.chord([step(queue, "slow"), step(queue, "bad", { delay: "1 second" })], count(queue, "end"))
      )
      yield* advanceUntil(Effect.map(found(handle.id), ({ stopCause }) => stopCause === "failure"))
      yield* eventually(isIn(queue, yield* jobIdOf(handle.id, 0), "active"))

      trace.failing.clear()
      yield* redrive(queue, handle.id, 1)
      yield* advanceUntil(Effect.map(found(handle.id), ({ stopCause }) => stopCause === undefined))
      trace.does.clear()
      yield* Deferred.succeed(gate, undefined)
      yield* untilEnded(handle.id)

      assert.deepInclude(yield* found(handle.id), { state: "completed", completed: 3 })
      assert.deepStrictEqual([...trace.ran].toSorted(), ["bad", "bad", "end", "slow", "slow"])
    })
  )

  it.effect("WORKFLOW-15 with continue a workflow that has completed stays so", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["bad"])
      yield* workOn([queue], trace)
      const handle = yield* start(Workflow.chain(step(queue, "bad"), count(queue, "end")), { onFailure: "continue" })
      yield* untilEnded(handle.id)
      const { endedAt = 0 } = yield* found(handle.id)

      trace.failing.clear()
      yield* TestClock.adjust("1 minute")
      yield* redrive(queue, handle.id, 0)
      yield* advanceUntil(Effect.map(found(handle.id), ({ completed }) => completed === 2))

      assert.deepStrictEqual(trace.ran, ["bad", "end", "bad"])
      assert.deepInclude(yield* found(handle.id), { state: "completed", failed: 0, endedAt })
    })
  )

  it.effect("WORKFLOW-5 a member that is put off has not failed", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      trace.does.set(
        "a",
        Effect.suspend(() => (trace.ran.length === 1 ? Effect.fail(Snooze.for("1 minute")) : Effect.succeed("at last")))
      )
      yield* workOn([queue], trace)

      const handle = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b")))
      yield* untilEnded(handle.id)

      assert.deepStrictEqual(trace.ran, ["a", "a", "b"])
      assert.strictEqual(yield* stateOf(handle.id), "completed")
    })
  )
})

/** Cancels as soon as it is there. */
const cancelSoon = (id: string) =>
  withWorkflows(
    Workflows.cancel(id).pipe(
      Effect.tap(() => Effect.yieldNow),
      Effect.repeat({ until: (outcome) => outcome !== "missing" })
    )
  )
