import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Task from "../../domain/Task.ts"
import * as Workflow from "../../domain/Workflow.ts"
import { Worker } from "../../features/worker/Worker.ts"
import { Workflows } from "../../features/workflows/Workflows.ts"
import { Notices } from "../../ports/Notices.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { contract } from "./contract.ts"
import { job } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"
import {
  count,
  create,
  found,
  graphOf,
  jobIdOf,
  newTrace,
  nodeOf,
  pairOf,
  start,
  stateOf,
  step,
  Step,
  tidy,
  untilEnded,
  withWorkflows,
  workOn
} from "./workflow-support.ts"
import { advanceUntil } from "./worker-support.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { at: Schema.Date }) {}

/** Gives a date, or refuses; both have to be decoded. */
class Appoint extends Task.make("contract.appoint", {
  payload: { day: Schema.Int },
  success: Schema.Date,
  error: Refused,
  maxAttempts: 1
}) {}

/** Tells what it knows of its parents. */
class Gather extends Task.make("contract.gather", {
  payload: {},
  success: Schema.Array(Schema.String),
  maxAttempts: 1
}) {}

const dayOf = (day: number) => new Date(Date.UTC(2026, 5, day))

const appoint = (queue: TestQueue, day: number) => Workflow.job(Appoint, { day }, { queue: queue.name })

/** Days below 1 are refused. */
const workOnDates = (...queues: ReadonlyArray<TestQueue>) =>
  Layer.build(
    Worker.layer({ queues: queues.map(({ name }) => name), drain: 0, tasks: [Appoint, Gather, Step] as const }).pipe(
      Layer.provide(
        Worker.handler(Appoint, ({ day }) =>
          day < 1 ? Effect.fail(new Refused({ at: dayOf(1) })) : Effect.succeed(dayOf(day))
        )
      ),
      Layer.provide(Worker.handler(Step, ({ name }) => (name === "bad" ? Effect.die("broken") : Effect.succeed(name)))),
      Layer.provide(
        Worker.handler(Gather, (_, self) =>
          Effect.gen(function* () {
            const dates = yield* Workflows.parentOutcomes(Appoint, self)
            const steps = yield* Workflows.parentOutcomes(Step, self)
            return [...dates, ...steps].map((outcome) => {
              switch (outcome._tag) {
                case "Completed":
                  return `gave ${outcome.value instanceof Date ? outcome.value.getUTCDate() : outcome.value}`
                case "Failed":
                  return `refused at ${outcome.failure.at.getUTCDate()}`
                case "Dead":
                  return `died: ${outcome.error}`
                case "Cancelled":
                  return `cancelled: ${outcome.reason}`
              }
            })
          })
        )
      )
    )
  )

const gather = (queue: TestQueue) => Workflow.job(Gather, {}, { queue: queue.name })

const resultOf = <A, E>(handle: { readonly id: string; readonly workflow: Workflow.Workflow<A, E> }) =>
  withWorkflows(Workflows.awaitResult(handle))

const list = (request: Parameters<typeof Workflows.list>[0]) => withWorkflows(Workflows.list(request))

const endByHand = Effect.fnUntraced(function* (id: string, ...nodes: ReadonlyArray<number>) {
  const { createdAt: generation } = yield* found(id)
  const endings = nodes.map((node) => ({
    member: { workflow: id, node, generation },
    sequence: 1,
    ended: { _tag: "Completed" as const }
  }))
  yield* WorkflowStore.use((store) => store.advance({ id, endings, limit: 10 }))
})

export const workflowResultsContract = contract("results of workflows", (it) => {
  it.effect("WORKFLOW-10 a handler reads how its parents ended, decoded, of whatever queue", (queue) =>
    Effect.gen(function* () {
      yield* workOnDates(queue, queue.sibling)

      const handle = yield* start(
        Workflow.chord(
          [appoint(queue, 3), appoint(queue.sibling, 0), step(queue, "fine"), step(queue, "bad"), appoint(queue, 1)],
          gather(queue.sibling)
        ),
        { onFailure: "continue" }
      )
      yield* untilEnded(handle.id)

      assert.deepStrictEqual(yield* resultOf(handle), [
        ...["gave 3", "refused at 1", "gave 1"],
        ...["gave fine", "died: broken"]
      ])
    })
  )

  it.effect("WORKFLOW-10 parents are read through the joins between groups", (queue) =>
    Effect.gen(function* () {
      yield* workOnDates(queue)
      const dates = Workflow.group([appoint(queue, 4), Workflow.group([appoint(queue, 2), appoint(queue, 9)])])

      const handle = yield* start(Workflow.chain(dates, Workflow.group([gather(queue), gather(queue)])))
      yield* untilEnded(handle.id)

      const seen = ["gave 4", "gave 2", "gave 9"]
      assert.deepStrictEqual(yield* resultOf(handle), [seen, seen])
    })
  )

  it.effect("WORKFLOW-10 a job outside of any workflow has no parents", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))

      const error = yield* Effect.flip(Workflows.parentResults(Step, yield* queue.claimOne()))

      assert.deepInclude(error, { _tag: "NoMember", jobId: "a" })
    })
  )

  it.effect("WORKFLOW-11 results of nested parts come back decoded, in the shape of the workflow", (queue) =>
    Effect.gen(function* () {
      yield* workOnDates(queue)

      const handle = yield* start(
        Workflow.group([
          appoint(queue, 1),
          Workflow.chain(step(queue, "x"), Workflow.group([step(queue, "y"), appoint(queue, 2)])),
          Workflow.group([step(queue, "z")])
        ])
      )
      yield* untilEnded(handle.id)

      const [first, [y, second], [z]] = yield* resultOf(handle)
      assert.deepStrictEqual([first, second, y, z], [dayOf(1), dayOf(2), "y", "z"])
    })
  )

  it.effect("WORKFLOW-11 the declared error of the member that failed comes back typed", (queue) =>
    Effect.gen(function* () {
      yield* workOnDates(queue)

      const handle = yield* start(Workflow.chain(appoint(queue, 0), step(queue, "after")))
      yield* untilEnded(handle.id)

      const error = yield* resultOf(handle).pipe(
        Effect.catchTag("Refused", ({ at }) => Effect.succeed(`refused at ${at.getUTCDate()}`))
      )
      assert.strictEqual(error, "refused at 1")
    })
  )

  it.effect("WORKFLOW-11 what failed is in the result's place with continue as well", (queue) =>
    Effect.gen(function* () {
      yield* workOnDates(queue)

      const handle = yield* start(Workflow.group([appoint(queue, 1), step(queue, "bad")]), { onFailure: "continue" })
      yield* untilEnded(handle.id)

      assert.strictEqual(yield* stateOf(handle.id), "completed")
      const error = yield* Effect.flip(resultOf(handle))
      assert.deepInclude(error, { _tag: "WorkflowFailed", reason: "job-dead", node: 1, error: "broken" })
    })
  )

  it.effect("WORKFLOW-11 whoever waits is told when it ends, once", (queue) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<string>()
      const trace = newTrace()
      trace.does.set("a", Deferred.await(gate))
      yield* workOn([queue], trace)
      const handle = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b")))
      const services = yield* Layer.build(Workflows.layer)
      const waiting = yield* Effect.forkChild(
        Effect.all([Workflows.awaitResult(handle), Workflows.awaitEnd(handle.id)], { concurrency: 2 }).pipe(
          Effect.provideContext(services)
        )
      )
      yield* advanceUntil(Effect.map(queue.depths, ({ active }) => active === 1))

      yield* Deferred.succeed(gate, "done")
      const [result, end] = yield* Fiber.join(waiting)

      assert.strictEqual(result, "did b")
      assert.deepInclude(Option.getOrThrow(end), { state: "completed" })
      assert.strictEqual(yield* Effect.provideContext(Workflows.awaitResult(handle), services), "did b")
    })
  )

  it.effect("WORKFLOW-11 it ends when no job of it is open, and tells every watcher once", (queue) =>
    Effect.gen(function* () {
      const id = queue.name
      const watch = (ref: number) => WorkflowStore.use((store) => store.watch({ id, watcher: queue.name, ref }))
      const inbox = yield* Notices.use((notices) => notices.open(queue.name))
      yield* create(pairOf(queue, id))
      assert.deepStrictEqual(
        [yield* watch(1), yield* watch(1), yield* watch(2), yield* watch(3)],
        [...[false, false, false, false]]
      )
      yield* WorkflowStore.use((store) => store.unwatch({ id, watcher: queue.name, ref: 2 }))

      yield* endByHand(id, 0)
      const between = yield* stateOf(id)
      yield* endByHand(id, 1)
      yield* endByHand(id, 1)

      const notices = yield* Effect.all([Queue.take(inbox), Queue.take(inbox)])
      assert.sameDeepMembers(notices, [
        { _tag: "WorkflowEnded", ref: 1 },
        { _tag: "WorkflowEnded", ref: 3 }
      ])
      assert.deepStrictEqual([between, yield* stateOf(id)], ["running", "completed"])
      assert.isTrue(yield* watch(4))
    })
  )

  it.effect("WORKFLOW-11 waiting for one that is not stored fails", (queue) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(resultOf({ id: queue.name, workflow: step(queue, "a") }))

      assert.deepInclude(error, { _tag: "WorkflowMissing", workflowId: queue.name })
      assert.deepStrictEqual(yield* withWorkflows(Workflows.awaitEnd(queue.name)), Option.none())
    })
  )

  it.effect("WORKFLOW-12 workflows are listed newest first, by state, page by page", (queue) =>
    Effect.gen(function* () {
      const ids = Array.from({ length: 7 }, (_, i) => `${queue.name}-${i}`.slice(-90))
      for (const [i, id] of ids.entries()) {
        yield* create(graphOf(id, [nodeOf(queue, [], [])]))
        if (i % 3 === 0) yield* endByHand(id, 0)
        yield* TestClock.adjust(1)
      }

      const pages = (state?: "running" | "completed") =>
        Effect.gen(function* () {
          const listed: Array<string> = []
          let cursor: string | undefined
          do {
            const page = yield* list({
              limit: 2,
              ...(state === undefined ? {} : { state }),
              ...(cursor === undefined ? {} : { cursor })
            })
            assert.isAtMost(page.workflows.length, 2)
            listed.push(...page.workflows.map(({ id }) => id))
            cursor = page.cursor
          } while (cursor !== undefined && listed.length < 100)
          return listed.filter((id) => ids.includes(id))
        })

      const newestFirst = ids.toReversed()
      assert.deepStrictEqual(yield* pages(), newestFirst)
      assert.deepStrictEqual(
        yield* pages("completed"),
        newestFirst.filter((id) => ids.indexOf(id) % 3 === 0)
      )
      assert.deepStrictEqual(
        yield* pages("running"),
        newestFirst.filter((id) => ids.indexOf(id) % 3 !== 0)
      )
      const error = yield* Effect.flip(list({ limit: 0 }))
      assert.deepInclude(error, { _tag: "InvalidInput", field: "limit" })
    })
  )

  it.effect("WORKFLOW-12 a workflow that is removed or revived leaves its place in the list", (queue) =>
    Effect.gen(function* () {
      const id = queue.name
      const isListed = (state: "running" | "failed") =>
        Effect.map(list({ state, limit: 1000 }), ({ workflows }) => workflows.some((one) => one.id === id))
      const trace = newTrace(["bad"])

      yield* start(Workflow.chain(step(queue, "bad"), step(queue, "b", { delay: "1 hour" })), { id })
      const running = yield* isListed("running")
      yield* workOn([queue], trace)
      yield* untilEnded(id)
      const failed = [yield* isListed("running"), yield* isListed("failed")]
      trace.failing.clear()
      yield* queue.redrive({ jobIds: [yield* jobIdOf(id, 0)] })
      yield* advanceUntil(Effect.map(stateOf(id), (state) => state === "running"))
      const revived = yield* Effect.all([isListed("running"), isListed("failed")])

      assert.deepStrictEqual([running, failed, revived], [true, [false, true], [true, false]])
    })
  )

  it.effect("WORKFLOW-12 nodes are read by number, from one on", (queue) =>
    Effect.gen(function* () {
      yield* start(Workflow.chord([step(queue, "a"), step(queue, "b"), step(queue, "c")], count(queue, "end")), {
        id: queue.name
      })

      const jobIds = yield* Effect.forEach([0, 1, 2], (node) => jobIdOf(queue.name, node))
      const all = yield* withWorkflows(Workflows.nodes(queue.name))
      const some = yield* withWorkflows(Workflows.nodes(queue.name, { from: 2, limit: 1 }))
      const beyond = yield* withWorkflows(Workflows.nodes(queue.name, { from: 4 }))

      assert.deepStrictEqual(
        all.map(({ jobId, state }) => [state, jobId]),
        [...jobIds.map((jobId) => ["open", jobId]), ["waiting", undefined]]
      )
      assert.deepStrictEqual(all[3]!.parents, [0, 1, 2])
      assert.deepStrictEqual([some, beyond], [[all[2]!], []])
    })
  )

  it.effect("WORKFLOW-13 an ended workflow is removed when its retention is over, not before", (queue) =>
    Effect.gen(function* () {
      const id = queue.name
      const prune = WorkflowStore.use((store) => store.prune(1000))
      const isThere = Effect.map(stateOf(id), (state) => state !== "none")
      yield* create(graphOf(id, [nodeOf(queue, [], [])], { retainMillis: 60_000 }))
      yield* TestClock.adjust("10 minutes")
      yield* prune
      const whileRunning = yield* isThere
      yield* endByHand(id, 0)

      yield* TestClock.adjust(59_999)
      yield* prune
      const before = yield* isThere
      yield* TestClock.adjust(1)
      yield* prune

      assert.deepStrictEqual([whileRunning, before, yield* isThere], [true, true, false])
      assert.deepStrictEqual(yield* WorkflowStore.use((store) => store.nodes(id, 0, 10)), [])
      assert.deepStrictEqual(yield* WorkflowStore.use((store) => store.outcomes(id, [0])), [undefined])
      assert.strictEqual(
        (yield* create(graphOf(id, [nodeOf(queue, [], [])], { fingerprint: "another" })))._tag,
        "Created"
      )
    })
  )

  it.effect("WORKFLOW-13 a failed one stays for the retention of failed ones", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["bad"])
      yield* workOn([queue], trace)
      yield* start(step(queue, "bad"), { id: queue.name, retention: "1 second", retentionFailed: "10 minutes" })
      yield* untilEnded(queue.name)

      yield* TestClock.adjust("9 minutes")
      yield* tidy(queue)
      const before = yield* stateOf(queue.name)
      yield* TestClock.adjust("1 minute")
      yield* tidy(queue)

      assert.deepStrictEqual([before, yield* stateOf(queue.name)], ["failed", "none"])
    })
  )

  it.effect("WORKFLOW-13 a revived workflow is not removed for what it was", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["bad"])
      const id = queue.name
      yield* workOn([queue], trace)
      yield* start(Workflow.group([step(queue, "bad"), step(queue, "late", { delay: "1 hour" })]), {
        id,
        retentionFailed: "5 minutes"
      })
      yield* untilEnded(id)
      trace.failing.clear()
      yield* queue.redrive({ jobIds: [yield* jobIdOf(id, 0)] })
      yield* advanceUntil(Effect.map(stateOf(id), (state) => state === "running"))

      yield* TestClock.adjust("10 minutes")
      yield* tidy(queue)

      assert.deepInclude(yield* found(id), { state: "running", completed: 1, open: 1 })
    })
  )

  it.effect("WORKFLOW-13 an id is free again when its workflow is gone, whatever its jobs left behind", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace(["b"])
      const again = start(Workflow.chain(step(queue, "a"), step(queue, "b")), {
        id: queue.name,
        retentionFailed: "1 minute"
      })
      yield* workOn([queue], trace)
      yield* again
      yield* untilEnded(queue.name)
      yield* advanceUntil(Effect.map(stateOf(queue.name), (state) => state === "none"))
      assert.deepInclude(yield* queue.depths, { completed: 1, dead: 1 })

      trace.failing.clear()
      const handle = yield* again
      yield* untilEnded(queue.name)

      assert.strictEqual(handle.outcome, "started")
      assert.deepStrictEqual(trace.ran, ["a", "b", "a", "b"])
      assert.strictEqual(yield* stateOf(queue.name), "completed")
    })
  )

  it.effect("WORKFLOW-13 one prune removes at most its limit", (queue) =>
    Effect.gen(function* () {
      yield* WorkflowStore.use((store) => store.prune(1000))
      for (let i = 0; i < 5; i++) {
        yield* create(graphOf(`${queue.name}-${i}`.slice(-90), [nodeOf(queue, [], [])], { retainMillis: 0 }))
        yield* endByHand(`${queue.name}-${i}`.slice(-90), 0)
      }

      const removed = yield* Effect.all(Array.from({ length: 4 }, () => WorkflowStore.use((store) => store.prune(2))))

      assert.deepStrictEqual(removed, [2, 2, 1, 0])
    })
  )
})
