import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Workflow from "../../domain/Workflow.ts"
import { Workflows } from "../../features/workflows/Workflows.ts"
import { contract } from "./contract.ts"
import {
  assertTotals,
  count,
  found,
  newTrace,
  start,
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
      yield* assertTotals(handle.id)
      const error = yield* Effect.flip(withWorkflows(Workflows.awaitResult(handle)))
      assert.deepInclude(error, { _tag: "WorkflowFailed", reason: "job-dead", kind: "contract.step" })
    })
  )
})
