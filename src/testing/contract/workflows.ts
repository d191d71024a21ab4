import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import * as TestClock from "effect/testing/TestClock"
import * as Workflow from "../../domain/Workflow.ts"
import type { EnqueueError } from "../../features/client/Client.ts"
import { relay, type StartOptions, Workflows } from "../../features/workflows/Workflows.ts"
import { contract, type Ports } from "./contract.ts"
import { complete } from "./support.ts"
import { advanceUntil, Echo, work } from "./worker-support.ts"
import {
  count,
  found,
  jobIdOf,
  newTrace,
  start,
  stateOf,
  Step,
  step,
  untilEnded,
  withWorkflows,
  workOn
} from "./workflow-support.ts"

export const workflowsContract = contract("workflows", (it) => {
  it.effect("WORKFLOW-2 a chain runs step by step and gives what its last step gives", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      yield* workOn([queue], trace)

      const handle = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b"), step(queue, "c")))
      yield* untilEnded(handle.id)

      assert.deepStrictEqual(trace.ran, ["a", "b", "c"])
      assert.strictEqual(yield* withWorkflows(Workflows.awaitResult(handle)), "did c")
      assert.deepInclude(yield* found(handle.id), { state: "completed", total: 3, completed: 3, open: 0 })
    })
  )

  it.effect("WORKFLOW-2 WORKFLOW-11 a group gives its members' results in their order", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      yield* workOn([queue, queue.sibling], trace)

      const handle = yield* start(Workflow.group([step(queue, "a"), step(queue.sibling, "b"), count(queue, "c")]))
      yield* untilEnded(handle.id)

      assert.sameMembers(trace.ran, ["a", "b", "c"])
      assert.deepStrictEqual(yield* withWorkflows(Workflows.awaitResult(handle)), ["did a", "did b", 0])
    })
  )

  it.effect("WORKFLOW-2 WORKFLOW-10 a chord's callback sees all its headers", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      yield* workOn([queue], trace)
      const headers = Array.from({ length: 5 }, (_, i) => step(queue, `h${i}`))

      const handle = yield* start(Workflow.chord(headers, count(queue, "callback")))
      yield* untilEnded(handle.id)

      assert.strictEqual(trace.ran.at(-1), "callback")
      assert.strictEqual(yield* withWorkflows(Workflows.awaitResult(handle)), 5)
    })
  )

  it.effect("WORKFLOW-2 nested groups in a chain wait for each other", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      yield* workOn([queue], trace)
      const pair = (name: string) => Workflow.group([step(queue, `${name}1`), step(queue, `${name}2`)])

      const handle = yield* start(Workflow.chain(pair("a"), pair("b"), count(queue, "end")))
      yield* untilEnded(handle.id)

      assert.sameMembers(trace.ran.slice(0, 2), ["a1", "a2"])
      assert.sameMembers(trace.ran.slice(2, 4), ["b1", "b2"])
      assert.strictEqual(yield* withWorkflows(Workflows.awaitResult(handle)), 2)
    })
  )

  it.effect("WORKFLOW-1 starting again under an id starts nothing, whoever traces it", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      yield* workOn([queue], trace)
      const again = (traceId: string) =>
        start(Workflow.chain(step(queue, "a"), step(queue, "b")), { id: queue.name }).pipe(
          Effect.withParentSpan(Tracer.externalSpan({ traceId, spanId: "0123456789abcdef", sampled: true }))
        )

      const first = yield* again("0123456789abcdef0123456789abcdef")
      const second = yield* again("fedcba9876543210fedcba9876543210")
      yield* untilEnded(first.id)
      const third = yield* again("0123456789abcdef0123456789abcdef")

      assert.deepStrictEqual([first.outcome, second.outcome, third.outcome], ["started", "existing", "existing"])
      assert.deepStrictEqual(trace.ran, ["a", "b"])
      assert.strictEqual(yield* withWorkflows(Workflows.awaitResult(second)), "did b")
    })
  )

  it.effect("WORKFLOW-1 another workflow under a used id is a conflict", (queue) =>
    Effect.gen(function* () {
      const flow = Workflow.chain(step(queue, "a"), step(queue, "b"))
      yield* start(flow, { id: queue.name })

      const others = [
        start(Workflow.chain(step(queue, "a"), step(queue, "c")), { id: queue.name }),
        start(Workflow.group([step(queue, "a"), step(queue, "b")]), { id: queue.name }),
        start(Workflow.chain(step(queue, "a"), step(queue, "b", { priority: 1 })), { id: queue.name }),
        start(flow, { id: queue.name, onFailure: "finish" }),
        start(flow, { id: queue.name, deadline: "1 hour" })
      ]
      const errors = yield* Effect.forEach(others, (other) => Effect.flip<unknown, unknown, Ports>(other))

      for (const error of errors) assert.deepInclude(error, { _tag: "WorkflowConflict", workflowId: queue.name })
      assert.deepInclude(yield* queue.counters, { enqueued: 1 })
    })
  )

  it.effect("WORKFLOW-1 of many starts of one workflow at the same time one starts it", (queue) =>
    Effect.gen(function* () {
      const flow = Workflow.group(Array.from({ length: 50 }, (_, i) => step(queue, `m${i}`)))

      const handles = yield* Effect.all(
        Array.from({ length: 8 }, () => start(flow, { id: queue.name })),
        { concurrency: "unbounded" }
      )

      assert.lengthOf(
        handles.filter(({ outcome }) => outcome === "started"),
        1
      )
      assert.deepInclude(yield* found(queue.name), { total: 50, open: 50 })
      assert.deepInclude(yield* queue.counters, { enqueued: 50 })
    })
  )

  it.effect("WORKFLOW-1 of two large workflows started under one id at most one is stored", (queue) =>
    Effect.gen(function* () {
      const flowOf = (length: number) => Workflow.group(Array.from({ length }, (_, i) => step(queue, `m${i}`)))
      const startOf = (length: number) => Effect.exit(start(flowOf(length), { id: queue.name }))

      const exits = yield* Effect.all([startOf(2500), startOf(2600)], { concurrency: 2 })

      const started = exits.filter(Exit.isSuccess).length
      assert.isAtMost(started, 1)
      for (const exit of exits) {
        if (Exit.isFailure(exit)) assert.deepInclude(Cause.squash(exit.cause), { _tag: "WorkflowConflict" })
      }
      // when they undid each other, either can be started now
      if (started === 0) yield* start(flowOf(2500), { id: queue.name })
      const { open, total } = yield* found(queue.name)
      assert.strictEqual(open, total)
      assert.deepInclude(yield* queue.counters, { enqueued: total })
    })
  )

  it.effect("WORKFLOW-2 a group of more than one step's worth of members starts as a whole", (queue) =>
    Effect.gen(function* () {
      yield* start(
        Workflow.chord(
          Array.from({ length: 1203 }, (_, i) => step(queue, `m${i}`)),
          count(queue, "end")
        ),
        {
          id: queue.name
        }
      )

      assert.deepInclude(yield* queue.depths, { pending: 1203 })
      assert.deepInclude(yield* found(queue.name), { total: 1204, open: 1203, waiting: 1 })
    })
  )

  it.effect("WORKFLOW-4 each node has its own queue, priority, attempts, delay, expiry and tags", (queue) =>
    Effect.gen(function* () {
      const options = { priority: 2, maxAttempts: 7, tags: ["x", "y"], expires: "1 hour", delay: "10 seconds" } as const
      yield* start(Workflow.chain(step(queue, "a"), step(queue.sibling, "b", options)), { id: queue.name })
      yield* TestClock.adjust("5 minutes")
      const { enqueuedAt, tags } = yield* queue.read(yield* jobIdOf(queue.name, 0))

      const { endings } = yield* queue.exchange({ settlements: [complete(yield* queue.claimOne(), `"x"`)] })
      yield* relay(endings.map((ending) => ({ queue: queue.name, ending })))

      const second = yield* queue.sibling.read(yield* jobIdOf(queue.name, 1))
      assert.deepStrictEqual(tags, [])
      assert.strictEqual(second.enqueuedAt, enqueuedAt + 300_000)
      assert.deepInclude<unknown>(second, { state: "scheduled", priority: 2, maxAttempts: 7, tags: ["x", "y"] })
      assert.strictEqual(second.visibleAt, second.enqueuedAt + 10_000)
      assert.strictEqual(second.expiresAt, second.enqueuedAt + 3_600_000)
    })
  )

  it.effect("WORKFLOW-4 members carry the trace of their start", (queue) =>
    Effect.gen(function* () {
      const traceId = "0123456789abcdef0123456789abcdef"
      yield* start(Workflow.chain(step(queue, "a")), { id: queue.name }).pipe(
        Effect.withParentSpan(Tracer.externalSpan({ traceId, spanId: "0123456789abcdef", sampled: true }))
      )

      const { headers } = yield* queue.read(yield* jobIdOf(queue.name, 0))

      assert.include(headers["traceparent"], traceId)
    })
  )

  it.effect("WORKFLOW-4 a member of a kind that nobody handles waits for a worker that does", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      const handle = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b")))
      yield* Effect.gen(function* () {
        yield* work(queue, Echo, ({ text }) => Effect.succeed(text))
        yield* advanceUntil(Effect.map(queue.counters, ({ released }) => released > 0))
      }).pipe(Effect.scoped)
      assert.deepInclude(yield* found(handle.id), { state: "running", open: 1 })

      yield* workOn([queue], trace)
      yield* untilEnded(handle.id)

      assert.deepStrictEqual(trace.ran, ["a", "b"])
    })
  )

  it.effect("WORKFLOW-14 what is not right stores nothing", (queue) =>
    Effect.gen(function* () {
      const fine = step(queue, "a")
      const bad: ReadonlyArray<readonly [EnqueueError["_tag"], Workflow.Workflow<unknown, unknown>, StartOptions]> = [
        ["InvalidInput", Workflow.group([]), {}],
        ["InvalidInput", Workflow.chain(fine, Workflow.group([])), {}],
        ["InvalidInput", Workflow.chord([], fine), {}],
        ["InvalidInput", fine, { id: "with space" }],
        ["InvalidInput", fine, { id: "" }],
        ["InvalidInput", fine, { id: "x".repeat(97) }],
        ["InvalidInput", fine, { name: "x".repeat(129) }],
        ["InvalidInput", fine, { deadline: Number.NaN }],
        ["InvalidInput", fine, { retention: -1 }],
        ["InvalidInput", Workflow.chain(fine, step(queue, "b", { priority: 1.5 })), {}],
        ["InvalidInput", Workflow.chain(fine, step(queue, "b", { queue: "a b" })), {}],
        ["InvalidInput", Workflow.chain(fine, step(queue, "b", { delay: 1, at: 1 })), {}],
        ["InvalidPayload", Workflow.chain(fine, Workflow.job(Step, { name: 1 as unknown as string })), {}],
        ["PayloadTooLarge", Workflow.chain(fine, step(queue, "x".repeat(600_000))), {}],
        ["InvalidInput", Workflow.group(Array.from({ length: 50_001 }, () => fine)), {}]
      ]
      for (const [tag, flow, options] of bad) {
        const error = yield* Effect.flip(start(flow, { id: queue.name, ...options }))
        assert.deepInclude(error, { _tag: tag })
      }

      assert.strictEqual(yield* stateOf(queue.name), "none")
      assert.deepInclude(yield* queue.counters, { enqueued: 0 })
    })
  )

  it.effect("WORKFLOW-14 the longest id is stored, and its members with it", (queue) =>
    Effect.gen(function* () {
      const id = queue.name.padEnd(96, "x").slice(-96)
      const trace = newTrace()
      yield* workOn([queue], trace)

      yield* start(Workflow.chain(step(queue, "a"), step(queue, "b")), { id })
      yield* untilEnded(id)

      assert.deepStrictEqual(trace.ran, ["a", "b"])
    })
  )
})
