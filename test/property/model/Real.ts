import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import type { Ended, Job, JobId } from "../../../src/domain/Job.ts"
import type { DeadLetterStore } from "../../../src/ports/DeadLetterStore.ts"
import { JobStore } from "../../../src/ports/JobStore.ts"
import { type Notice, Notices } from "../../../src/ports/Notices.ts"
import { QueueControl } from "../../../src/ports/QueueControl.ts"
import type { Model } from "./Model.ts"

export type Ports = JobStore | QueueControl | DeadLetterStore | Notices

export type Runtime = ManagedRuntime.ManagedRuntime<Ports, unknown>

const clock = Layer.effectDiscard(TestClock.setTime(Date.UTC(2026, 0, 1))).pipe(Layer.provideMerge(TestClock.layer()))

/** A backend in virtual time, which starts at an instant of usual size. */
export const makeRuntime = (backend: Layer.Layer<Ports, unknown>): Runtime =>
  ManagedRuntime.make(Layer.provideMerge(backend, clock))

/** How a backend words a crash or an expiry is its own affair. */
const seen = ({ failures, ...job }: Job): Job => ({
  ...job,
  failures: failures.map((one) => (/^(crashed|expired)$/.test(one.outcome) ? { ...one, error: "" } : one))
})

export const seenEnd = (ended: Ended): Ended => {
  if (ended._tag === "Dead" && ended.reason === "crashed") return { ...ended, error: "" }
  return ended._tag === "Cancelled" && ended.expired ? { ...ended, reason: "" } : ended
}

const byRef = (one: { readonly ref: number }, other: { readonly ref: number }) => one.ref - other.ref

/** One queue of a backend, what was asked of it so far, and how often each kind of thing happened in all runs. */
export class Real {
  readonly queue: string
  readonly log: Array<string> = []
  readonly #runtime: Runtime
  readonly #tallies: Map<string, number>
  readonly #scope = Scope.makeUnsafe()
  #inbox: Queue.Dequeue<Notice> | undefined
  #watches = 0

  constructor(runtime: Runtime, queue: string, tallies: Map<string, number>) {
    this.#runtime = runtime
    this.#tallies = tallies
    this.queue = queue
  }

  /** Hears what watchers are told, under the queue's name, until it is closed. */
  async open(): Promise<void> {
    const opening = Notices.use((notices) => notices.open(this.queue))
    this.#inbox = await this.#runtime.runPromise(Scope.provide(opening, this.#scope))
  }

  readonly close = () => this.#runtime.runPromise(Scope.close(this.#scope, Exit.void))

  /** The number of a new watch. */
  nextRef(): number {
    return ++this.#watches
  }

  readonly now = () => this.#runtime.runPromise(Clock.currentTimeMillis)

  readonly advance = (millis: number) => this.#runtime.runPromise(TestClock.adjust(millis))

  /** Keeps question and answer for the message of a failure. */
  async ask<A, E>(effect: Effect.Effect<A, E, Ports>, ...question: ReadonlyArray<unknown>): Promise<A> {
    const answer = await this.#runtime.runPromise(effect)
    this.log.push(`${question.map((part) => JSON.stringify(part)).join(" ")} -> ${JSON.stringify(answer)}`)
    return answer
  }

  tally(kind: string, times = 1): void {
    if (times > 0) this.#tallies.set(kind, (this.#tallies.get(kind) ?? 0) + times)
  }

  get(ids: ReadonlyArray<JobId>): Promise<ReadonlyArray<Job | undefined>> {
    const get = (id: JobId) => JobStore.use((store) => Effect.map(store.get(this.queue, id), Option.getOrUndefined))
    return this.#runtime.runPromise(Effect.forEach(ids, get, { concurrency: "unbounded" }))
  }

  #logs(ids: ReadonlyArray<JobId>): Promise<ReadonlyArray<ReadonlyArray<string>>> {
    const logs = (id: JobId) => JobStore.use((store) => store.logs(this.queue, id))
    return this.#runtime.runPromise(Effect.forEach(ids, logs, { concurrency: "unbounded" }))
  }

  /** Compares what can be seen of the queue, and of these jobs, with the model. */
  async compare(model: Model, ids: ReadonlyArray<JobId>): Promise<void> {
    const read = QueueControl.use(({ counters, depths }) => Effect.all([depths(this.queue), counters(this.queue)]))
    const reading = [this.get(ids), this.#logs(ids), this.#runtime.runPromise(read)] as const
    const [jobs, logs, [depths, counters]] = await Promise.all(reading)
    ids.forEach((id, i) => assert.deepStrictEqual(jobs[i] && seen(jobs[i]), model.jobs.get(id)?.job, `job ${id}`))
    ids.forEach((id, i) => assert.deepStrictEqual(logs[i], model.jobs.get(id)?.log.lines ?? [], `log of ${id}`))
    for (const [state, depth] of Object.entries(depths))
      assert.strictEqual(depth, model.in(state as Job["state"]).length, `depth of ${state}`)
    assert.deepStrictEqual(counters, model.counters, "counters")
    const stored = Object.values(depths).reduce((a, b) => a + b)
    assert.strictEqual(counters.enqueued, stored + counters.removed, "enqueued = stored + removed")
  }

  /** Every job the model knows, and the order of the claimable ones. */
  async compareAll(model: Model): Promise<void> {
    await this.compare(model, [...model.jobs.keys()])
    const list = QueueControl.use((control) => control.list({ queue: this.queue, state: "pending", limit: 1000 }))
    const { jobs } = await this.#runtime.runPromise(list)
    assert.deepStrictEqual(
      jobs.map(({ id }) => id),
      model.visible().map(({ job }) => job.id)
    )
  }

  /** Every watch got its one notice. What a name is sent arrives in order, so that a last one shows the end. */
  async compareNotices(model: Model): Promise<void> {
    const { queue } = this
    const job = { id: "last", kind: "last", payload: "", priority: 0, maxAttempts: 1, retainMillis: 0 }
    const ending = JobStore.use((store) =>
      store
        .enqueue(queue, [job])
        .pipe(
          Effect.andThen(store.watch({ queue, jobId: "last", watcher: queue, ref: 0 })),
          Effect.andThen(store.cancel({ queue, jobId: "last", reason: "" }))
        )
    )
    await this.#runtime.runPromise(ending)
    const told: Array<{ readonly ref: number; readonly ended: Ended }> = []
    for (;;) {
      const notice = await this.#runtime.runPromise(Queue.take(this.#inbox!))
      if (notice._tag !== "Ended") continue
      if (notice.ref === 0) break
      told.push({ ref: notice.ref, ended: seenEnd(notice.ended) })
      this.tally(`told ${notice.ended._tag}${"expired" in notice.ended && notice.ended.expired ? ", expired" : ""}`)
    }
    assert.deepStrictEqual(told.toSorted(byRef), model.told.toSorted(byRef), "notices")
  }
}
