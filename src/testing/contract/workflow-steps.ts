import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import type { Ended } from "../../domain/Job.ts"
import { memberJobId } from "../../domain/workflow-graph.ts"
import * as Workflow from "../../domain/Workflow.ts"
import { relay } from "../../features/workflows/Workflows.ts"
import { JobStore, type MemberEnding } from "../../ports/JobStore.ts"
import { StoreError } from "../../ports/StoreError.ts"
import {
  type Advance,
  type Created,
  type Start,
  type WorkflowRecord,
  WorkflowStore
} from "../../ports/WorkflowStore.ts"
import { contract } from "./contract.ts"
import { bury, complete } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"
import {
  assertTotals,
  create,
  found,
  graphOf,
  jobIdOf,
  newTrace,
  nodeOf,
  nodeStates,
  pairOf,
  start,
  stateOf,
  step,
  tidy,
  untilEnded,
  workOn
} from "./workflow-support.ts"
import { advanceUntil } from "./worker-support.ts"

/** The steps of a relay, one by one, as a process would take them that dies between two of them. */
const advance = (
  id: string,
  endings: ReadonlyArray<Pick<MemberEnding, "member" | "ended" | "sequence">>,
  drive = false
) =>
  Effect.map(
    WorkflowStore.use((store) => store.advance({ id, endings, limit: 100, drive })),
    Option.getOrThrow
  )

const enqueue = (queue: TestQueue, { now, starts }: Advance) =>
  queue.enqueue(
    ...starts.map(({ job, member }) => ({
      ...job,
      member,
      id: memberJobId(member.workflow, member.node, member.generation),
      acceptBefore: now + 60_000
    }))
  )

const confirm = (id: string, starts: ReadonlyArray<Start>) =>
  WorkflowStore.use((store) =>
    store.confirm(
      id,
      starts.map(({ member }) => member)
    )
  )

/** Completes the next job; answers the ending, which nobody has told yet. */
const completeNext = Effect.fnUntraced(function* (queue: TestQueue) {
  const { endings } = yield* queue.exchange({ settlements: [complete(yield* queue.claimOne(), `"done"`)] })
  return endings[0]!
})

const buryNext = Effect.fnUntraced(function* (queue: TestQueue) {
  const { endings } = yield* queue.exchange({ settlements: [bury(yield* queue.claimOne())] })
  return endings[0]!
})

const tell = (queue: TestQueue, ...endings: ReadonlyArray<MemberEnding>) =>
  relay(endings.map((ending) => ({ queue: queue.name, ending })))

const told =
  (node: number, sequence: number, ended: Ended | { readonly _tag: "Redriven" }, runs = 0) =>
  ({ createdAt, id: workflow }: WorkflowRecord) => ({
    member: { workflow, node, generation: createdAt + runs },
    sequence,
    ended
  })

const died: Ended = { _tag: "Dead", reason: "skipped", error: "no" }
const done: Ended = { _tag: "Completed" }

const idsOf = ({ starts }: Advance) =>
  starts.map(({ member }) => memberJobId(member.workflow, member.node, member.generation))

export const workflowStepsContract = contract("steps of workflows", (it) => {
  for (const last of ["nothing", "advance", "enqueue", "confirm"] as const) {
    it.effect(`WORKFLOW-3 others finish what a process left that died after ${last}`, (queue) =>
      Effect.gen(function* () {
        const { id } = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b")), { id: queue.name })
        const ending = yield* completeNext(queue)
        if (last !== "nothing") {
          const answer = yield* advance(id, [ending])
          if (last !== "advance") yield* enqueue(queue, answer)
          if (last === "confirm") yield* confirm(id, answer.starts)
        }

        yield* tidy(queue)
        const early = yield* queue.counters
        yield* TestClock.adjust("5 seconds")
        yield* tidy(queue)
        const counters = yield* queue.counters
        yield* tell(queue, yield* completeNext(queue))
        yield* TestClock.adjust("1 minute")
        yield* tidy(queue)

        assert.strictEqual(early.enqueued, last === "enqueue" || last === "confirm" ? 2 : 1)
        assert.strictEqual(counters.enqueued, 2)
        assert.deepInclude(yield* found(id), { state: "completed", completed: 2 })
        assert.deepInclude(yield* queue.counters, { enqueued: 2, completed: 2 })
        assert.deepStrictEqual(yield* JobStore.use((store) => store.endings(queue.name, 10)), [])
      })
    )
  }

  it.effect("WORKFLOW-3 a start that was cut off before any job is carried out within 30 seconds", (queue) =>
    Effect.gen(function* () {
      const outcome = yield* create(pairOf(queue, queue.name))
      yield* tidy(queue)
      const early = yield* queue.depths
      yield* TestClock.adjust("29 seconds")
      yield* tidy(queue)
      const stillEarly = yield* queue.depths

      yield* TestClock.adjust("1 second")
      yield* tidy(queue)

      assert.strictEqual(outcome._tag, "Created")
      assert.deepStrictEqual([early.pending, stillEarly.pending], [0, 0])
      assert.deepInclude(yield* queue.depths, { pending: 1 })
      yield* TestClock.adjust("10 minutes")
      yield* tidy(queue)
      assert.deepInclude(yield* queue.counters, { enqueued: 1 })
    })
  )

  it.effect("WORKFLOW-3 an overdue workflow is named to one, and to others after half a minute again", (queue) =>
    Effect.gen(function* () {
      const store = yield* WorkflowStore
      const isNamed = Effect.map(store.due(1000), (ids) => ids.includes(queue.name))
      yield* create(pairOf(queue, queue.name))
      const named = [yield* isNamed]

      for (const wait of [30_000, 0, 29_999, 1, 0]) {
        yield* TestClock.adjust(wait)
        named.push(yield* isNamed)
      }
      yield* store.driven(queue.name)
      yield* TestClock.adjust("1 hour")
      named.push(yield* isNamed)

      assert.deepStrictEqual(named, [false, true, false, false, true, false, false])
    })
  )

  it.effect("WORKFLOW-1 a large workflow that is started twice at once is one, whatever its headers", (queue) =>
    Effect.gen(function* () {
      const large = (headers: Record<string, string>) =>
        graphOf(
          queue.name,
          Array.from({ length: 16 }, () => {
            const node = nodeOf(queue, [], [])
            const payload = JSON.stringify({ name: "x".repeat(100_000) })
            return { ...node, job: { queue: queue.name, job: { ...node.job!.job, headers, payload } } }
          })
        )

      const replies = yield* Effect.all([create(large({})), create(large({ tracestate: "x".repeat(30_000) }))], {
        concurrency: "unbounded"
      })

      assert.sameMembers(
        replies.map(({ _tag }) => _tag),
        ["Created", "Existing"]
      )
      assert.deepInclude(yield* found(queue.name), { total: 16, open: 16 })
    })
  )

  it.effect("WORKFLOW-3 a queue that fails does not have the jobs of others enqueued again", (queue) =>
    Effect.gen(function* () {
      const id = queue.name
      const store = yield* JobStore
      const down = new StoreError({ operation: "enqueue", retryable: true, reason: "unavailable", cause: "down" })
      const shape = Workflow.group([step(queue, "a"), step(queue.sibling, "b")])

      yield* start(shape, { id }).pipe(
        Effect.provideService(
          JobStore,
          JobStore.of({
            ...store,
            enqueue: (name, jobs) => (name === queue.name ? store.enqueue(name, jobs) : Effect.fail(down))
          })
        )
      )

      const { starts } = yield* advance(id, [], true)
      assert.deepStrictEqual(
        starts.map(({ member }) => member.node),
        [1]
      )
    })
  )

  it.effect("WORKFLOW-3 a start that ends later does not hide a cancel that was cut off", (queue) =>
    Effect.gen(function* () {
      const id = queue.name
      const store = yield* WorkflowStore
      const created = yield* create(pairOf(queue, id))
      assert.strictEqual(created._tag, "Created")

      // of the cancel no more than this, and the rest of the start
      yield* store.advance({ id, endings: [], limit: 10, stop: { cause: "cancelled", reason: "why" } })
      yield* store.driven(id, created as Created)
      yield* TestClock.adjust("30 seconds")
      yield* tidy(queue)

      assert.deepInclude(yield* found(id), { state: "running", stopCause: "cancelled" })
      assert.deepInclude(yield* queue.counters, { enqueued: 1, cancelled: 1 })
      yield* tidy(queue)
      assert.deepInclude(yield* found(id), { state: "cancelled" })
    })
  )

  it.effect("WORKFLOW-3 a worker that cannot tell leaves it to another", (queue) =>
    Effect.gen(function* () {
      const trace = newTrace()
      const store = yield* WorkflowStore
      const down = Effect.fail(
        new StoreError({ operation: "advance", retryable: true, reason: "unavailable", cause: new Error("down") })
      )
      const handle = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b")))
      yield* Effect.gen(function* () {
        yield* workOn([queue], trace)
        yield* advanceUntil(Effect.map(queue.counters, ({ completed }) => completed === 1))
      }).pipe(
        Effect.scoped,
        Effect.provide(Layer.succeed(WorkflowStore, WorkflowStore.of({ ...store, advance: () => down })))
      )
      const between = yield* found(handle.id)

      yield* workOn([queue], trace)
      yield* untilEnded(handle.id)

      assert.deepInclude(between, { state: "running", completed: 0, open: 1 })
      assert.deepStrictEqual(trace.ran, ["a", "b"])
      assert.deepInclude(yield* found(handle.id), { state: "completed" })
    })
  )

  it.effect("WORKFLOW-3 an ending that comes late does not run what has run already", (queue) =>
    Effect.gen(function* () {
      const { id } = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b"), step(queue, "c")), {
        id: queue.name
      })
      const first = yield* completeNext(queue)
      const answer = yield* advance(id, [first])
      yield* tell(queue, first)
      yield* tell(queue, yield* completeNext(queue))

      // the first process goes on where it was held up
      yield* enqueue(queue, answer)
      yield* confirm(id, answer.starts)
      yield* tell(queue, first)

      assert.deepInclude(yield* queue.counters, { enqueued: 3, completed: 2 })
      assert.deepInclude(yield* found(id), { completed: 2, open: 1 })
    })
  )

  it.effect("WORKFLOW-3 whoever is held up for a minute enqueues nothing any more", (queue) =>
    Effect.gen(function* () {
      const { id } = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b")), { id: queue.name })
      const answer = yield* advance(id, [yield* completeNext(queue)])

      yield* TestClock.adjust("1 minute")
      const late = yield* enqueue(queue, answer)
      yield* tidy(queue)

      assert.deepStrictEqual(late, [{ _tag: "Late" }])
      assert.deepInclude(yield* queue.counters, { enqueued: 2 })
      assert.deepInclude(yield* queue.depths, { pending: 1 })
    })
  )

  it.effect("WORKFLOW-3 endings told by many at once set a join free once", (queue) =>
    Effect.gen(function* () {
      const members = Array.from({ length: 20 }, (_, i) => step(queue, `m${i}`))
      const { id } = yield* start(Workflow.chord(members, step(queue, "callback")), { id: queue.name })
      const { endings } = yield* queue.exchange({
        settlements: (yield* queue.claim()).map((held) => complete(held, `"x"`))
      })

      yield* Effect.all(
        Array.from({ length: 6 }, (_, i) => tell(queue, ...endings.slice(i), ...endings.slice(0, i))),
        { concurrency: "unbounded" }
      )

      assert.deepInclude(yield* queue.counters, { enqueued: 21 })
      assert.deepInclude(yield* found(id), { completed: 20, open: 1 })
    })
  )

  it.effect("WORKFLOW-3 many endings told at once count one each", (queue) =>
    Effect.gen(function* () {
      const members = Array.from({ length: 45 }, (_, i) => step(queue, `m${i}`))
      const { id } = yield* start(Workflow.chord(members, step(queue, "callback")), { id: queue.name })
      const { endings } = yield* queue.exchange({
        settlements: (yield* queue.claim()).map((held) => complete(held, `"x"`))
      })

      yield* tell(queue, ...endings.slice(0, 44))
      const before = yield* queue.counters
      yield* tell(queue, endings[44]!)

      assert.deepInclude(before, { enqueued: 45, completed: 45 })
      assert.deepInclude(yield* queue.counters, { enqueued: 46 })
      assert.deepInclude(yield* found(id), { completed: 45, open: 1 })
    })
  )

  it.effect("WORKFLOW-3 telling twice changes nothing, and answers what is outstanding", (queue) =>
    Effect.gen(function* () {
      const id = queue.name
      const nodes = [
        nodeOf(queue, [], [1, 2]),
        nodeOf(queue, [0], [3]),
        nodeOf(queue, [0], [3]),
        nodeOf(queue, [1, 2], [])
      ]
      yield* create(graphOf(id, nodes))
      yield* confirm(id, (yield* advance(id, [], true)).starts)
      const at = yield* found(id)
      const jobIds = yield* Effect.forEach([0, 1, 2, 3], (node) => jobIdOf(id, node))

      const first = yield* advance(id, [told(0, 1, done)(at)])
      const again = yield* advance(id, [told(0, 1, done)(at)])
      yield* confirm(id, again.starts)
      const third = yield* advance(id, [told(0, 1, done)(at)])
      const half = yield* advance(id, [told(1, 2, done)(at), told(1, 2, done)(at)])
      const whole = yield* advance(id, [told(2, 3, done)(at)])

      assert.sameMembers([...idsOf(first)], jobIds.slice(1, 3))
      assert.sameMembers([...idsOf(again)], jobIds.slice(1, 3))
      assert.deepStrictEqual([idsOf(third), idsOf(half), idsOf(whole)], [[], [], [jobIds[3]!]])
      assert.deepInclude(yield* found(id), { completed: 3, open: 1, waiting: 0 })
    })
  )

  it.effect("WORKFLOW-3 no more than the limit is to start in one step, and the rest on the next", (queue) =>
    Effect.gen(function* () {
      const id = queue.name
      yield* create(
        graphOf(
          id,
          Array.from({ length: 7 }, () => nodeOf(queue, [], []))
        )
      )
      const steps: Array<number> = []
      const all = new Set<string>()
      for (let more = true; more;) {
        const answer = Option.getOrThrow(
          yield* WorkflowStore.use((store) => store.advance({ id, endings: [], limit: 3, drive: true }))
        )
        yield* confirm(id, answer.starts)
        for (const jobId of idsOf(answer)) all.add(jobId)
        steps.push(answer.starts.length)
        more = answer.more
      }

      assert.deepStrictEqual(steps, [3, 3, 1])
      assert.strictEqual(all.size, 7)
    })
  )

  it.effect("WORKFLOW-3 what an ending led to is not lost when a later one takes its place", (queue) =>
    Effect.gen(function* () {
      const { id } = yield* start(Workflow.chain(step(queue, "a"), step(queue, "b")), {
        id: queue.name,
        onFailure: "continue"
      })
      // the process that told of the death is gone before it enqueued the child
      yield* advance(id, [yield* buryNext(queue)])
      yield* queue.redrive({ jobIds: [yield* jobIdOf(id, 0)] })

      yield* tell(queue, yield* completeNext(queue))

      assert.deepInclude(yield* queue.depths, { pending: 1 })
      yield* tell(queue, yield* completeNext(queue))
      assert.deepInclude(yield* found(id), { state: "completed", completed: 2 })
    })
  )

  it.effect("WORKFLOW-3 an ending that was overtaken by a later one of its job changes nothing", (queue) =>
    Effect.gen(function* () {
      const id = queue.name
      yield* create(pairOf(queue, id, { policy: "finish" }))
      const at = yield* found(id)
      yield* confirm(id, (yield* advance(id, [], true)).starts)

      yield* advance(id, [told(0, 2, { _tag: "Redriven" })(at)])
      yield* advance(id, [told(0, 1, died)(at)])
      const alive = yield* nodeStates(id)
      yield* advance(id, [told(0, 3, died)(at)])
      yield* advance(id, [told(0, 2, { _tag: "Redriven" })(at)])
      const dead = yield* nodeStates(id)

      assert.deepStrictEqual(
        [alive, dead],
        [
          ["open", "waiting"],
          ["failed", "skipped"]
        ]
      )
      assert.deepInclude(yield* found(id), { state: "failed", failed: 1 })
    })
  )

  it.effect("WORKFLOW-3 WORKFLOW-5 what was to start when the workflow stopped runs at most once", (queue) =>
    Effect.gen(function* () {
      const { id } = yield* start(
        Workflow.group([step(queue, "bad"), Workflow.chain(step(queue, "a"), step(queue, "after"))]),
        { id: queue.name }
      )
      const [bad, a] = yield* queue.claim()
      const { endings } = yield* queue.exchange({ settlements: [bury(bad!), complete(a!, `"x"`)] })
      // one process is about to enqueue what follows when another tells of the failure
      const answer = yield* advance(id, [endings[1]!])
      yield* tell(queue, endings[0]!)
      yield* enqueue(queue, answer)
      yield* confirm(id, answer.starts)
      yield* tidy(queue)
      const stopped = yield* found(id)
      const ran = yield* queue.claim()
      yield* queue.redrive({ jobIds: [yield* jobIdOf(id, 0)] })
      yield* tidy(queue)
      const again = yield* queue.claim()

      assert.deepInclude(stopped, { state: "failed", failed: 1, completed: 1, stopped: 1 })
      assert.deepStrictEqual(ran, [])
      assert.sameMembers(
        again.map((one) => one.id),
        [yield* jobIdOf(id, 0), yield* jobIdOf(id, 2, 1)]
      )
    })
  )

  it.effect("WORKFLOW-3 telling of a workflow that is gone, or of no node of it, changes nothing", (queue) =>
    Effect.gen(function* () {
      const id = queue.name
      const gone = yield* WorkflowStore.use((store) => store.advance({ id, endings: [], limit: 1, drive: true }))
      yield* create(pairOf(queue, id))
      const at = yield* found(id)

      yield* advance(id, [told(7, 1, done)(at), told(0, 1, done, 3)(at), told(1, 1, done)(at)])

      assert.deepStrictEqual(gone, Option.none())
      assert.deepInclude(yield* found(id), { completed: 0, open: 1, waiting: 1 })
      yield* assertTotals(id)
      assert.strictEqual(yield* stateOf(id), "running")
    })
  )
})
