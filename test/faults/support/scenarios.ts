import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { Member } from "../../../src/domain/Job.ts"
import { memberJobId } from "../../../src/domain/workflow-graph.ts"
import { DeadLetterStore } from "../../../src/ports/DeadLetterStore.ts"
import { Diagnostics } from "../../../src/ports/Diagnostics.ts"
import { JobStore, type NewJob, type Settlement } from "../../../src/ports/JobStore.ts"
import { QueueControl } from "../../../src/ports/QueueControl.ts"
import { ScheduleStore } from "../../../src/ports/ScheduleStore.ts"
import type { StoreError } from "../../../src/ports/StoreError.ts"
import { type CreateReply, type NewNode, type NewWorkflow, WorkflowStore } from "../../../src/ports/WorkflowStore.ts"
import type { Call, ScriptName } from "../../support/RespProxy.ts"
import { hasSettlements } from "./settlements.ts"

export type Ports = JobStore | QueueControl | DeadLetterStore | WorkflowStore | ScheduleStore | Diagnostics

type Step = Effect.Effect<unknown, StoreError, Ports>

/** One operation that runs a script, on a queue or workflow that is ready for it. */
export interface Scenario {
  readonly prepare?: Step
  readonly act: Step
  /** Done by others after the operation was answered, and before a late copy of its request arrives. */
  readonly meanwhile?: Step
  /** What the operation may answer instead, when its reply was lost and it was sent again. */
  readonly again?: unknown
  /** Which call of the script the fault befalls; the first when left out. */
  readonly match?: (call: Call) => boolean
  /** Fields of a queue's counters that count calls rather than jobs, and may differ. */
  readonly counts?: ReadonlyArray<string>
}

const queue = "q"
const worker = "worker"

const job = (id: string, more: Partial<NewJob> = {}): NewJob => ({
  id,
  kind: "kind",
  payload: "{}",
  priority: 5,
  maxAttempts: 2,
  retainMillis: 60_000,
  ...more
})

const enqueue = (...jobs: ReadonlyArray<NewJob>) => JobStore.use((store) => store.enqueue(queue, jobs))

const claim = (number: number, limit = 10, who = worker) =>
  Effect.map(
    JobStore.use((store) =>
      store.exchange({ queue, worker: who, settlements: [], claim: { number, limit, leaseMillis: 30_000 } })
    ),
    ({ claimed }) => claimed
  )

const held = (number = 1) => Effect.map(claim(number), (jobs) => jobs.map(({ id: jobId, token }) => ({ jobId, token })))

const settle = (make: (held: { readonly jobId: string; readonly token: number }) => Settlement) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const leases = yield* held()
    // a claim repeated with its number: the same tokens
    return (yield* store.exchange({ queue, worker, settlements: leases.map(make) })).settled
  })

const settleAll = (number: number, make: (held: { readonly jobId: string; readonly token: number }) => Settlement) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const leases = yield* held(number)
    yield* store.exchange({ queue, worker, settlements: leases.map(make) })
  })

const bury = (number: number) =>
  settleAll(number, (lease) => ({ ...lease, _tag: "Bury", reason: "skipped", error: "no" }))

const dead = Effect.andThen(enqueue(job("a"), job("b")), bury(1))

const workflow = "w"

const node = (parents: ReadonlyArray<number>, children: ReadonlyArray<number>): NewNode => ({
  job: {
    queue,
    job: { kind: "kind", payload: "{}", priority: 5, maxAttempts: 2, retainMillis: 0 }
  },
  parents,
  children
})

const workflowOf = (nodes: ReadonlyArray<NewNode>): NewWorkflow => ({
  id: workflow,
  name: "name",
  policy: "stop",
  nodes,
  fingerprint: "f",
  retainMillis: 1000,
  retainFailedMillis: 1000
})

/** Two headers, and what comes after both. */
const chord = workflowOf([node([], [2]), node([], [2]), node([0, 1], [])])

/** More nodes than are stored in one step. */
const large = workflowOf(Array.from({ length: 1001 }, () => node([], [])))

const commit = (given: NewWorkflow) => WorkflowStore.use((store) => store.create(given))

const drivenFirst = (reply: CreateReply) =>
  WorkflowStore.use((store) => (reply._tag === "Created" ? store.driven(workflow, reply) : Effect.void))

// a start that repeats does not say where the workflow is found; whoever drives it does
const create = Effect.tap(commit(chord), () => WorkflowStore.use((store) => store.driven(workflow)))

/** Where the clock stands when a scenario begins. */
export const beginning = 1_800_000_000_000

/** Generations of a workflow start at the instant at which it was created. */
const member = (number: number): Member => ({ workflow, node: number, generation: beginning })

const advance = (...nodes: ReadonlyArray<number>) =>
  WorkflowStore.use((store) =>
    store.advance({
      id: workflow,
      endings: nodes.map((number) => ({
        member: member(number),
        sequence: number + 1,
        ended: { _tag: "Completed" } as const
      })),
      limit: 10
    })
  )

const started = Effect.gen(function* () {
  const store = yield* WorkflowStore
  yield* create
  yield* store.advance({ id: workflow, endings: [], limit: 10, drive: true })
  yield* store.confirm(workflow, [member(0), member(1)])
})

const stopped = Effect.andThen(
  started,
  WorkflowStore.use((store) =>
    store.advance({ id: workflow, endings: [], limit: 10, stop: { cause: "cancelled", reason: "why" } })
  )
)

const ended = Effect.andThen(started, Effect.andThen(advance(0), Effect.andThen(advance(1), advance(2))))

const memberJob = (number: number) =>
  job(memberJobId(workflow, number, beginning), { member: member(number), acceptBefore: 2e13, retainMillis: 0 })

const membersEnded = Effect.gen(function* () {
  yield* enqueue(memberJob(0), memberJob(1))
  yield* settleAll(1, (lease) => ({ ...lease, _tag: "Complete" }))
  yield* TestClock.adjust("6 seconds")
})

const control = <A>(act: (control: QueueControl["Service"]) => Effect.Effect<A, StoreError>) => QueueControl.use(act)
const deadLetters = <A>(act: (store: DeadLetterStore["Service"]) => Effect.Effect<A, StoreError>) =>
  DeadLetterStore.use(act)
const workflows = <A>(act: (store: WorkflowStore["Service"]) => Effect.Effect<A, StoreError>) => WorkflowStore.use(act)
const store = <A>(act: (store: JobStore["Service"]) => Effect.Effect<A, StoreError>) => JobStore.use(act)

const watch = { queue, jobId: "a", watcher: "me", ref: 1 }

const schedules = <A>(act: (store: ScheduleStore["Service"]) => Effect.Effect<A, StoreError>) => ScheduleStore.use(act)

const firstTick = beginning + 10_000

const put = schedules((store) => store.put({ name: "s", queue, definition: "{}", next: firstTick }))

const versionOf = Effect.map(
  schedules((store) => store.find("s")),
  ({ schedule }) => (schedule._tag === "Some" ? schedule.value.version : 0)
)

const tick = Effect.flatMap(versionOf, (version) =>
  schedules((store) =>
    store.tick({
      queue,
      name: "s",
      version,
      expected: firstTick,
      next: firstTick + 10_000,
      skipped: 0,
      fire: { tick: firstTick, job: job(`s-${firstTick}`, { retainMillis: 0 }) },
      overlap: "allow"
    })
  )
)

/** Every script of the backend: a new one does not compile before it has a scenario. */
export const scenarios: Readonly<Record<ScriptName, Scenario>> = {
  enqueue: {
    act: enqueue(job("a"), job("b", { uniqueKey: "key", visible: { inMillis: 1000 } })),
    again: [
      { _tag: "Existing", identical: true },
      { _tag: "Existing", identical: true }
    ],
    // whoever sends it late must not store anew what has ended and is gone
    meanwhile: Effect.andThen(
      settleAll(1, (lease) => ({ ...lease, _tag: "Complete" })),
      Effect.andThen(
        TestClock.adjust("2 minutes"),
        store((jobs) => jobs.prune(queue, { limit: 10, deadRetainMillis: 1e9, maxDead: 10, maxFinished: 10 }))
      )
    ),
    counts: ["duplicates", "sequence"]
  },
  exchange: {
    prepare: enqueue(job("a"), job("b"), job("c")),
    act: claim(1, 2),
    meanwhile: Effect.andThen(
      claim(2, 1),
      settleAll(2, (lease) => ({ ...lease, _tag: "Complete" }))
    )
  },
  extend: {
    prepare: Effect.andThen(enqueue(job("a")), claim(1)),
    act: Effect.flatMap(held(), (leases) =>
      store((jobs) => jobs.extendLeases({ queue, worker, leases, leaseMillis: 40_000, about: "me" }))
    ),
    meanwhile: settleAll(1, (lease) => ({ ...lease, _tag: "Complete" })),
    counts: ["stale"]
  },
  annotate: {
    prepare: Effect.andThen(enqueue(job("a")), claim(1)),
    act: Effect.flatMap(held(), (leases) =>
      store((jobs) => jobs.annotate({ queue, ...leases[0]!, progress: "1", logs: { from: 0, lines: ["x", "y"] } }))
    ),
    meanwhile: Effect.flatMap(held(), (leases) =>
      store((jobs) => jobs.annotate({ queue, ...leases[0]!, logs: { from: 2, lines: ["z"] } }))
    )
  },
  cancel: {
    prepare: enqueue(job("a")),
    act: store((jobs) => jobs.cancel({ queue, jobId: "a", reason: "why" })),
    again: "ended"
  },
  watch: { prepare: enqueue(job("a")), act: store((jobs) => jobs.watch(watch)) },
  get: { prepare: enqueue(job("a")), act: store((jobs) => jobs.get(queue, "a")) },
  promote: {
    prepare: Effect.andThen(enqueue(job("a", { visible: { inMillis: 1000 } })), TestClock.adjust("2 seconds")),
    act: store((jobs) => jobs.promote(queue, 10)),
    again: 0
  },
  rescue: {
    prepare: Effect.andThen(enqueue(job("a")), Effect.andThen(claim(1), TestClock.adjust("31 seconds"))),
    act: store((jobs) => jobs.rescue(queue, 10)),
    again: { rescued: [], buried: [] },
    meanwhile: claim(2)
  },
  endings: { prepare: membersEnded, act: store((jobs) => jobs.endings(queue, 10)), again: [] },
  relayed: {
    prepare: membersEnded,
    act: Effect.flatMap(
      store((jobs) => jobs.endings(queue, 10)),
      (endings) => store((jobs) => jobs.forgetEndings(queue, endings))
    )
  },
  prune: {
    prepare: Effect.andThen(
      enqueue(job("a"), job("b")),
      Effect.andThen(
        settleAll(1, (lease) => ({ ...lease, _tag: "Complete" })),
        TestClock.adjust("2 minutes")
      )
    ),
    act: store((jobs) => jobs.prune(queue, { limit: 10, deadRetainMillis: 1e9, maxDead: 10, maxFinished: 10 })),
    again: 0
  },
  redrive: {
    prepare: dead,
    act: deadLetters((letters) => letters.redrive(queue, { jobIds: ["a"] })),
    again: [{ jobId: "a", outcome: "not-dead" }]
  },
  purge: {
    prepare: dead,
    act: deadLetters((letters) => letters.purge(queue, { jobIds: ["a"] })),
    again: 0
  },
  runnow: {
    prepare: enqueue(job("a", { visible: { inMillis: 60_000 } })),
    act: control((queues) => queues.runNow(queue, ["a"])),
    again: []
  },
  remove: { prepare: dead, act: control((queues) => queues.remove(queue, ["a"])), again: 0 },
  raze: { act: control((queues) => queues.removeQueue(queue)), again: true },
  audit: { prepare: dead, act: Diagnostics.use((diagnostics) => diagnostics.audit(queue, 10)) },
  oldest: { prepare: dead, act: deadLetters((letters) => letters.redrive(queue, { oldest: 1 })) },
  pause: { act: control((queues) => queues.pause(queue)), again: false },
  limit: { act: control((queues) => queues.setLimits(queue, { maxActive: 3 })) },
  rate: {
    prepare: Effect.andThen(
      control((queues) => queues.setRateLimit(queue, "kind", { limit: 1, perMillis: 1000, burst: 2 })),
      Effect.andThen(enqueue(job("a"), job("b")), claim(1, 1))
    ),
    act: control((queues) => queues.setRateLimit(queue, "kind", { limit: 1, perMillis: 1000, burst: 1 }))
  },
  rates: { act: control((queues) => queues.rateLimits(queue)) },
  workers: { act: control((queues) => queues.workers(queue)) },
  forget: {
    prepare: store((jobs) => jobs.extendLeases({ queue, worker, leases: [], leaseMillis: 1, about: "me" })),
    act: control((queues) => queues.removeWorker(queue, worker))
  },
  stats: { prepare: enqueue(job("a")), act: control((queues) => queues.counters(queue)) },
  waiting: { prepare: enqueue(job("a")), act: control((queues) => queues.list({ queue, state: "pending", limit: 2 })) },
  list: { prepare: dead, act: control((queues) => queues.list({ queue, state: "dead", limit: 2 })) },
  draft: { act: Effect.tap(commit(large), () => WorkflowStore.use((store) => store.driven(workflow))) },
  create: { act: create, again: { _tag: "Existing" } },
  // what was held up must not put it back among those that run
  enter: {
    act: Effect.flatMap(commit(chord), drivenFirst),
    match: ({ args }) => args.includes("running"),
    meanwhile: Effect.andThen(
      WorkflowStore.use((store) => store.advance({ id: workflow, endings: [], limit: 10, drive: true })),
      Effect.andThen(advance(0, 1), advance(2))
    )
  },
  advance: { prepare: started, act: Effect.andThen(advance(0), advance(1)) },
  confirm: {
    prepare: create,
    act: workflows((graphs) => graphs.confirm(workflow, [member(0), member(1)])),
    meanwhile: advance(0)
  },
  openings: { prepare: started, act: workflows((graphs) => graphs.openJobs(workflow, undefined)) },
  looks: {
    prepare: Effect.andThen(stopped, TestClock.adjust("40 seconds")),
    act: workflows((graphs) => graphs.due(10)),
    again: []
  },
  drop: {
    prepare: Effect.andThen(ended, TestClock.adjust("2 seconds")),
    act: workflows((graphs) => graphs.prune(10))
  },
  expired: { prepare: ended, act: workflows((graphs) => graphs.prune(10)) },
  workflow: { prepare: create, act: workflows((graphs) => graphs.get(workflow)) },
  nodes: { prepare: create, act: workflows((graphs) => graphs.nodes(workflow, 0, 10)) },
  outcomes: { prepare: ended, act: workflows((graphs) => graphs.outcomes(workflow, [0, 1, 2])) },
  directory: { prepare: create, act: workflows((graphs) => graphs.list({ limit: 10 })) },
  schedule: { act: put, again: false },
  entry: { prepare: put, act: schedules((store) => store.find("s")) },
  due: {
    prepare: Effect.andThen(put, TestClock.adjust("20 seconds")),
    act: schedules((store) => store.due(queue, 10))
  },
  tick: {
    prepare: Effect.andThen(put, TestClock.adjust("12 seconds")),
    act: tick,
    again: "moved",
    // a tick that came late must not store its job anew when that has ended
    meanwhile: settleAll(1, (lease) => ({ ...lease, _tag: "Complete" }))
  },
  trigger: {
    prepare: put,
    act: Effect.flatMap(versionOf, (version) =>
      schedules((store) => store.trigger({ queue, name: "s", version, job: job("by-hand", { retainMillis: 0 }) }))
    ),
    meanwhile: settleAll(1, (lease) => ({ ...lease, _tag: "Complete" }))
  },
  unschedule: { prepare: put, act: schedules((store) => store.remove("s")), again: false },
  listen: { prepare: create, act: workflows((graphs) => graphs.watch({ id: workflow, watcher: "me", ref: 1 })) }
}

/** More ways to use the scripts that do several things. */
export const variants: ReadonlyArray<readonly [script: ScriptName, title: string, scenario: Scenario]> = [
  [
    "enqueue",
    "of a job whose unique key is held",
    {
      prepare: enqueue(job("holder", { uniqueKey: "key" })),
      act: enqueue(job("a", { uniqueKey: "key" })),
      counts: ["duplicates", "sequence"]
    }
  ],
  [
    "enqueue",
    "of a job that replaces another",
    {
      prepare: enqueue(job("holder", { uniqueKey: "key", visible: { inMillis: 1000 } })),
      act: enqueue(job("a", { uniqueKey: "key", payload: "[1]", onDuplicate: "replace" })),
      counts: ["duplicates", "sequence"]
    }
  ],
  [
    "enqueue",
    "of a job that replaces another, which then runs",
    {
      prepare: enqueue(job("holder", { uniqueKey: "key" })),
      act: enqueue(job("a", { uniqueKey: "key", payload: "[1]", onDuplicate: "replace" })),
      meanwhile: claim(1),
      counts: ["duplicates", "sequence"]
    }
  ],
  [
    "enqueue",
    "of a member of a workflow",
    {
      act: enqueue(memberJob(0)),
      again: [{ _tag: "Existing", identical: true }],
      meanwhile: settleAll(1, (lease) => ({ ...lease, _tag: "Complete" })),
      counts: ["duplicates", "sequence"]
    }
  ],
  ...(
    [
      ["Complete", (lease) => ({ ...lease, _tag: "Complete" }), "repeated"],
      ["Complete with a result", (lease) => ({ ...lease, _tag: "Complete", result: "1" }), "repeated"],
      ["Retry", (lease) => ({ ...lease, _tag: "Retry", delayMillis: 10, error: "no" }), "repeated"],
      ["Bury", (lease) => ({ ...lease, _tag: "Bury", reason: "skipped", error: "no" }), "repeated"],
      ["Cancel", (lease) => ({ ...lease, _tag: "Cancel", reason: "no" }), "repeated"],
      ["Snooze", (lease) => ({ ...lease, _tag: "Snooze", delayMillis: 10 }), "repeated"],
      ["Release", (lease) => ({ ...lease, _tag: "Release", delayMillis: 0 }), "repeated"]
    ] satisfies ReadonlyArray<
      readonly [string, (held: { readonly jobId: string; readonly token: number }) => Settlement, string]
    >
  ).map(([title, make, again]): readonly [ScriptName, string, Scenario] => [
    "exchange",
    `that settles with ${title}`,
    {
      prepare: Effect.andThen(enqueue(job("a", { uniqueKey: "key" }), job("b")), claim(1)),
      act: settle(make),
      again: [again, again],
      // another worker has the jobs by then, as far as they run again
      meanwhile: Effect.andThen(TestClock.adjust("1 second"), claim(1, 10, "other")),
      counts: ["stale"]
    }
  ]),
  [
    "exchange",
    "that completes what is not kept",
    {
      prepare: Effect.andThen(enqueue(job("a", { retainMillis: 0 })), claim(1)),
      act: settle((lease) => ({ ...lease, _tag: "Complete" })),
      match: hasSettlements,
      again: ["gone"],
      // the id is used again, and running
      meanwhile: Effect.andThen(enqueue(job("a", { retainMillis: 0 })), claim(1, 10, "other")),
      counts: ["stale"]
    }
  ],
  [
    "exchange",
    "that ends members of a workflow",
    {
      prepare: Effect.andThen(enqueue(memberJob(0), memberJob(1)), claim(1)),
      act: settle((lease) => ({ ...lease, _tag: "Complete" })),
      match: hasSettlements,
      again: ["gone", "gone"],
      counts: ["stale"]
    }
  ],
  [
    "extend",
    "of a lease that was lost meanwhile",
    {
      prepare: Effect.andThen(enqueue(job("a")), claim(1)),
      act: Effect.flatMap(held(), (leases) =>
        store((jobs) => jobs.extendLeases({ queue, worker, leases, leaseMillis: 40_000 }))
      ),
      meanwhile: Effect.andThen(TestClock.adjust("50 seconds"), claim(1, 10, "other")),
      counts: ["stale"]
    }
  ],
  [
    "advance",
    "of the last header of a join, which has started meanwhile",
    {
      prepare: Effect.andThen(started, advance(0)),
      act: advance(1),
      meanwhile: Effect.andThen(
        workflows((graphs) => graphs.confirm(workflow, [member(2)])),
        advance(2)
      )
    }
  ]
]
