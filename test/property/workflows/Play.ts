import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import { compile } from "../../../src/domain/workflow-graph.ts"
import { maintain, relay, Workflows } from "../../../src/features/workflows/Workflows.ts"
import { DeadLetterStore } from "../../../src/ports/DeadLetterStore.ts"
import { type ClaimedJob, JobStore, type MemberEnding, type Settlement } from "../../../src/ports/JobStore.ts"
import { QueueControl } from "../../../src/ports/QueueControl.ts"
import { WorkflowStore } from "../../../src/ports/WorkflowStore.ts"
import { Chaos } from "./Chaos.ts"
import { evaluate, parentsOf } from "./evaluate.ts"
import { build, type Case, type Fate, plansOf } from "./Sketch.ts"

const leaseMillis = 30_000
const deadlineMillis = 40_000

type Truth = "claimed" | "Completed" | "Dead" | "Cancelled" | "Redriven"

/** One workflow, played to its end by processes that come and go, and held to what must be so all the while. */
export class Play {
  readonly id: string
  readonly queues: ReadonlyArray<string>
  readonly #case: Case
  readonly #chaos: Chaos
  readonly #plans
  readonly #parents
  readonly #leafOf = new Map<number, number>()
  /** By job, how it stands as far as the queues have told. */
  readonly #truth = new Map<string, Truth>()
  readonly #jobsOf = new Map<number, Set<string>>()
  /** Jobs that have ended once, whatever became of them since. */
  readonly #ended = new Set<number>()
  readonly #completed = new Set<number>()
  readonly #died = new Set<number>()
  readonly #snoozed = new Set<number>()
  /** Jobs that were cancelled after a redrive; when no stop did that on purpose, a slow one did, and they have failed. */
  readonly #lostToCancel = new Set<string>()
  readonly problems: Array<string> = []
  readonly log: Array<string> = []
  #workers = 0
  #cancelled = false
  readonly seen = new Set<string>()

  constructor(id: string, given: Case) {
    this.id = id
    this.queues = [0, 1, 2].map((i) => `${id}-q${i}`)
    this.#case = given
    this.#chaos = new Chaos(given.seed, given.trouble)
    this.#plans = plansOf(given.sketch)
    this.#parents = parentsOf(given.sketch)
    for (const [number, { job }] of compile(build(given.sketch, this.queues).shape).nodes.entries()) {
      if (job !== undefined) this.#leafOf.set(number, (job.payload as { readonly leaf: number }).leaf)
    }
  }

  #fail(problem: string): void {
    this.problems.push(problem)
  }

  #record(jobId: string, leaf: number, truth: Truth): void {
    this.log.push(`${jobId} ${truth}`)
    if (truth === "Cancelled" && this.#truth.get(jobId) === "Redriven") this.#lostToCancel.add(jobId)
    this.#truth.set(jobId, truth)
    if (truth === "claimed" || truth === "Redriven") return
    this.#ended.add(leaf)
    if (truth === "Completed") this.#completed.add(leaf)
  }

  #tell(endings: ReadonlyArray<MemberEnding>): void {
    for (const { ended, jobId, member } of endings) this.#record(jobId, this.#leafOf.get(member.node)!, ended._tag)
  }

  #claimed({ id, member }: ClaimedJob): number {
    const leaf = this.#leafOf.get(member!.node)!
    const before = this.#truth.get(id)
    if (before === "Completed" || before === "Cancelled" || before === "Dead") this.#fail(`${id} runs though ${before}`)
    const others = this.#jobsOf.get(leaf) ?? new Set<string>()
    for (const other of others) {
      const truth = this.#truth.get(other)
      if (other !== id && truth !== "Cancelled") this.#fail(`${id} runs beside ${other}, which is ${truth}`)
    }
    this.#jobsOf.set(leaf, others.add(id))
    const must = this.#case.policy === "continue" ? this.#ended : this.#completed
    const early = this.#parents[leaf]!.filter((parent) => !must.has(parent))
    if (early.length > 0) this.#fail(`${id} (leaf ${leaf}) runs before ${early.join(", ")}`)
    if (before !== "Redriven") this.#record(id, leaf, "claimed")
    return leaf
  }

  #settlementOf(leaf: number, { id: jobId, token }: ClaimedJob, asked: boolean): Settlement {
    const held = { jobId, token }
    const fate = this.#plans[leaf]!.fate
    if (asked && this.#chaos.random() < 0.7) return { _tag: "Cancel", ...held, reason: "asked to" }
    if (fate === "snooze" && !this.#snoozed.has(leaf)) {
      this.#snoozed.add(leaf)
      return { _tag: "Snooze", ...held, delayMillis: 1000 }
    }
    if (fate === "die" || (fate === "redrive" && !this.#died.has(leaf))) {
      this.#died.add(leaf)
      return { _tag: "Bury", ...held, reason: "skipped", error: "it dies" }
    }
    if (fate === "cancel") return { _tag: "Cancel", ...held, reason: "by its handler" }
    return { _tag: "Complete", ...held, result: String(leaf) }
  }

  /** One turn of a worker: claims, runs, settles, and tells the workflow. `ports` are untroubled for the claim itself. */
  readonly #turn = (queue: string, real: JobStore["Service"], pause: Effect.Effect<void>) =>
    Effect.gen({ self: this }, function* () {
      const worker = `worker-${++this.#workers}`
      const limit = 1 + this.#chaos.below(4)
      const told = (request: Parameters<JobStore["Service"]["exchange"]>[0]) =>
        real.exchange(request).pipe(
          Effect.tap(({ endings }) => Effect.sync(() => this.#tell(endings))),
          Effect.uninterruptible
        )
      const reply = yield* told({ queue, worker, settlements: [], claim: { number: 1, limit, leaseMillis } })
      const attempts = reply.claimed.map((job) => ({ job, leaf: this.#claimed(job) }))
      yield* relay(reply.endings.map((ending) => ({ queue, ending })))
      if (attempts.length === 0) return
      yield* pause
      const settlements: Array<Settlement> = []
      for (const { job, leaf } of attempts) {
        const now = yield* real.get(queue, job.id)
        const asked = Option.isSome(now) && now.value.cancelRequested !== undefined
        settlements.push(this.#settlementOf(leaf, job, asked))
      }
      const { endings } = yield* told({ queue, worker, settlements })
      yield* relay(endings.map((ending) => ({ queue, ending })))
    })

  /** Redrives what is to be redriven and is dead. */
  readonly #redrive = Effect.fnUntraced({ self: this }, function* (this: Play) {
    const letters = yield* DeadLetterStore
    for (const [leaf, jobs] of this.#jobsOf) {
      const { fate, queue } = this.#plans[leaf]!
      const jobId = [...jobs].at(-1)!
      if (fate !== "redrive" || this.#truth.get(jobId) !== "Dead") continue
      const [outcome] = yield* letters.redrive(this.queues[queue]!, { jobIds: [jobId] })
      if (outcome?.outcome === "redriven") this.#record(jobId, leaf, "Redriven")
      this.seen.add("redriven")
    }
  })

  readonly #start = Effect.gen({ self: this }, function* () {
    const { policy, stop } = this.#case
    const deadline = stop === "deadline" ? { deadline: deadlineMillis } : {}
    yield* Effect.provide(
      Workflows.start(build(this.#case.sketch, this.queues), { id: this.id, onFailure: policy, ...deadline }),
      Workflows.layer
    )
  }).pipe(Effect.scoped)

  readonly #cancel = Effect.suspend(() => {
    this.#cancelled = true
    return Effect.provide(Workflows.cancel(this.id, "by the test"), Workflows.layer)
  }).pipe(Effect.scoped)

  readonly state = Effect.map(
    WorkflowStore.use((store) => store.get(this.id)),
    Option.map(({ state }) => state)
  )

  /** Random steps of random processes. */
  readonly #storm = Effect.gen({ self: this }, function* () {
    const chaos = this.#chaos
    const real = yield* JobStore
    const deaths = 0.01 + this.#case.trouble / 10
    const steps = 40 + 12 * this.#plans.length
    yield* chaos.spawn(this.#start)
    for (let i = 0; i < steps; i++) {
      const dice = chaos.random()
      if (dice < 0.7 && chaos.hasWaiting) yield* chaos.step
      else if (dice < 0.88) yield* chaos.spawn(this.#turn(this.queues[chaos.below(3)]!, real, chaos.gate))
      else if (dice < 0.91) yield* chaos.spawn(maintain(this.queues))
      else if (dice < 0.91 + deaths) yield* chaos.kill
      else if (dice < 0.97) yield* TestClock.adjust([10, 1000, 6000, 31_000][chaos.below(4)]!)
      else if (dice < 0.98) yield* this.#redrive()
      else if (dice < 0.985) yield* chaos.spawn(this.#start)
      else if (this.#case.stop === "cancel" && i > steps / 4) yield* chaos.spawn(this.#cancel)
    }
    // half of the processes end their work, the others are gone
    if (chaos.random() < 0.5) yield* chaos.killAll
  })

  /** Everybody does what he has to, and nothing goes wrong any more. */
  readonly #calm = Effect.gen({ self: this }, function* () {
    const real = yield* JobStore
    const chaos = this.#chaos
    chaos.calm()
    while (!chaos.isIdle) {
      yield* chaos.step
      yield* chaos.settle
    }
    if (Option.isNone(yield* this.state)) yield* this.#start
    for (let round = 0; round < 60; round++) {
      const before = this.log.length
      for (const queue of this.queues) yield* this.#turn(queue, real, Effect.void)
      yield* maintain(this.queues)
      yield* TestClock.adjust(round % 2 === 0 ? 6000 : leaseMillis + 1000)
      yield* this.#redrive()
      if (this.log.length > before || !(yield* this.isOver)) continue
      // what dead processes were handed last may go on with it
      yield* TestClock.adjust(31_000)
      yield* maintain(this.queues)
      if (yield* this.isOver) return
    }
    this.#fail("it does not come to its end")
  })

  readonly isOver = Effect.gen({ self: this }, function* () {
    const control = yield* QueueControl
    let open = 0
    for (const queue of this.queues) {
      const { active, pending, retry, scheduled } = yield* control.depths(queue)
      open += active + pending + retry + scheduled
    }
    return open === 0 && Option.getOrUndefined(yield* this.state) !== "running"
  })

  readonly verify = Effect.gen({ self: this }, function* () {
    const store = yield* WorkflowStore
    const jobs = yield* JobStore
    const found = Option.getOrThrow(yield* store.get(this.id))
    const nodes = yield* store.nodes(this.id, 0, 1000)
    const leaves = [...this.#leafOf.keys()].map((number) => nodes[number]!.state)
    this.seen.add(`${this.#case.policy} ${found.state}${found.stopCause === undefined ? "" : ` ${found.stopCause}`}`)

    const counted = found.completed + found.failed + found.open + found.stopped + found.waiting
    assert.strictEqual(counted, found.total, "counts add up to the total")
    assert.strictEqual(found.total, this.#plans.length)
    const has = (...states: ReadonlyArray<string>) => leaves.filter((state) => states.includes(state)).length
    assert.deepInclude(found, {
      completed: has("completed"),
      failed: has("failed", "cancelled"),
      stopped: has("stopped", "skipped"),
      open: 0,
      waiting: 0
    })
    for (const [number, leaf] of this.#leafOf) {
      const isCompleted = nodes[number]!.state === "completed"
      assert.strictEqual(isCompleted, this.#completed.has(leaf), `leaf ${leaf} is ${nodes[number]!.state}`)
      const [ended] = yield* store.outcomes(this.id, [number])
      if (isCompleted) assert.deepStrictEqual(ended, { _tag: "Completed", result: String(leaf) })
    }

    const lost = new Set<number>()
    for (const [number, leaf] of this.#leafOf) {
      const { jobId = "", state } = nodes[number]!
      if (state === "cancelled" && this.#lostToCancel.has(jobId)) lost.add(leaf)
    }
    if (lost.size > 0) this.seen.add("a slow stop cancelled what was redriven")
    const fates = (leaf: number, { fate }: { readonly fate: Fate }): Fate => (lost.has(leaf) ? "cancel" : fate)
    const verdict = evaluate(this.#case.sketch, this.#case.policy, fates)
    const isStopped = found.stopCause === "cancelled" || found.stopCause === "deadline"
    if (isStopped) {
      assert.strictEqual(found.state, found.stopCause === "cancelled" ? "cancelled" : "failed")
      assert.strictEqual(this.#case.stop, found.stopCause === "cancelled" ? "cancel" : "deadline")
    } else {
      if (this.#cancelled && !this.#case.stop.startsWith("cancel")) this.#fail("it was not to be cancelled")
      assert.strictEqual(found.state, verdict.state)
      // which jobs a failure stops depends on who was first
      if (this.#case.policy !== "stop" || verdict.state === "completed") assert.deepStrictEqual(leaves, verdict.leaves)
    }
    for (const [leaf, state] of leaves.entries()) {
      const expected = verdict.leaves[leaf]!
      if (state === "failed" && this.#case.stop === "none")
        assert.strictEqual(expected === "skipped" ? "failed" : expected, "failed")
    }

    yield* TestClock.adjust(6000)
    for (const queue of this.queues) assert.deepStrictEqual(yield* jobs.endings(queue, 100), [], "outbox")
    assert.deepStrictEqual(yield* store.due(1000), [], "nothing is left to look at")
  })

  /** The store, with an ear for jobs that end because somebody cancels them. */
  readonly watched = Effect.map(JobStore, (store) =>
    JobStore.of({
      ...store,
      cancel: (request) =>
        Effect.tap(store.cancel(request), (outcome) =>
          Effect.sync(() => {
            const [node] = request.jobId.slice(this.id.length + 1).split(".")
            if (outcome === "cancelled") this.#record(request.jobId, this.#leafOf.get(Number(node))!, "Cancelled")
          })
        )
    })
  )

  /** Plays it; fails with what was not as it must be. */
  readonly run = Effect.gen({ self: this }, function* () {
    const watched = yield* this.watched
    yield* Effect.provideService(Effect.andThen(this.#storm, this.#calm), JobStore, watched)
    yield* this.#chaos.rethrow
    assert.deepStrictEqual(this.problems, [])
    yield* this.verify
  })
}
