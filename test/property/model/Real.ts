import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import type { Job, JobId } from "../../../src/domain/Job.ts"
import type { DeadLetterStore } from "../../../src/ports/DeadLetterStore.ts"
import { JobStore } from "../../../src/ports/JobStore.ts"
import { QueueControl } from "../../../src/ports/QueueControl.ts"
import type { Model } from "./Model.ts"

type Ports = JobStore | QueueControl | DeadLetterStore

export type Runtime = ManagedRuntime.ManagedRuntime<Ports, unknown>

const clock = Layer.effectDiscard(TestClock.setTime(Date.UTC(2026, 0, 1))).pipe(Layer.provideMerge(TestClock.layer()))

/** A backend in virtual time, which starts at an instant of usual size. */
export const makeRuntime = (backend: Layer.Layer<Ports, unknown>): Runtime =>
  ManagedRuntime.make(Layer.provideMerge(backend, clock))

/** How a backend words a crash is its own affair. */
const seen = ({ failures, ...job }: Job): Job => ({
  ...job,
  failures: failures.map((one) => (one.outcome === "crashed" ? { ...one, error: "" } : one))
})

/** One queue of a backend, what was asked of it so far, and how often each kind of thing happened in all runs. */
export class Real {
  readonly queue: string
  readonly log: Array<string> = []
  readonly #runtime: Runtime
  readonly #tallies: Map<string, number>

  constructor(runtime: Runtime, queue: string, tallies: Map<string, number>) {
    this.#runtime = runtime
    this.#tallies = tallies
    this.queue = queue
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

  /** Compares what can be seen of the queue, and of these jobs, with the model. */
  async compare(model: Model, ids: ReadonlyArray<JobId>): Promise<void> {
    const read = QueueControl.use(({ counters, depths }) => Effect.all([depths(this.queue), counters(this.queue)]))
    const [jobs, [depths, counters]] = await Promise.all([this.get(ids), this.#runtime.runPromise(read)])
    ids.forEach((id, i) => assert.deepStrictEqual(jobs[i] && seen(jobs[i]), model.jobs.get(id)?.job, `job ${id}`))
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
}
