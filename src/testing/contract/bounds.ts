import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { maxErrorLength } from "../../domain/Job.ts"
import { Cancel } from "../../domain/Steering.ts"
import * as Task from "../../domain/Task.ts"
import * as Workflow from "../../domain/Workflow.ts"
import { Client } from "../../features/client/Client.ts"
import { Workflows } from "../../features/workflows/Workflows.ts"
import { DeadLetterStore } from "../../ports/DeadLetterStore.ts"
import { JobStore, type NewJob } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { ScheduleStore } from "../../ports/ScheduleStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { Wakeups } from "../../ports/Wakeups.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { contract } from "./contract.ts"
import { depths, job } from "./support.ts"
import { advanceUntil, Echo, enqueue, isIn, work } from "./worker-support.ts"

class TooLong extends Schema.TaggedError<TooLong>()("TooLong", { text: Schema.String }) {}

class Failing extends Task.make("contract.failing", {
  payload: { text: Schema.String },
  error: TooLong,
  maxAttempts: 1
}) {}

/** Names that would reach elsewhere, or break a record, if anybody let them. */
const badNames = [
  "",
  "a}b",
  "{x}",
  "a b",
  "a\nb",
  "a\0b",
  "a,b",
  "żółć",
  "..\\",
  "../x",
  "*",
  "q".repeat(2000),
  "\ud800"
]

const refused = <A, R>(effect: Effect.Effect<A, StoreError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason, retryable }) =>
    assert.deepStrictEqual([reason, retryable], ["rejected", false])
  )

const holes = "\ud800 and \udfff"
const mended = "\ufffd and \ufffd"

export const boundsContract = contract("bounds", (it) => {
  it.effect("INPUT-4 no call reaches a queue, worker or workflow whose name is against the rules", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const control = yield* QueueControl
      const workflows = yield* WorkflowStore
      const notices = yield* Notices
      const letters = yield* DeadLetterStore
      const schedules = yield* ScheduleStore
      const wakeups = yield* Wakeups
      const before = yield* control.queues

      for (const name of badNames) {
        yield* refused(store.enqueue(name, [job("a")]))
        yield* refused(store.get(name, "a"))
        yield* refused(store.exchange({ queue: name, worker: "w", settlements: [] }))
        yield* refused(store.cancel({ queue: name, jobId: "a", reason: "" }))
        yield* refused(control.pause(name))
        yield* refused(control.depths(name))
        yield* refused(control.list({ queue: name, state: "dead", limit: 1 }))
        yield* refused(control.limits(name))
        yield* refused(control.rateLimits(name))
        yield* refused(control.workers(name))
        yield* refused(control.runNow(name, ["a"]))
        yield* refused(control.removeQueue(name))
        yield* refused(store.logs(name, "a"))
        yield* refused(store.promote(name, 1))
        yield* refused(store.rescue(name, 1))
        yield* refused(letters.redrive(name, { oldest: 1 }))
        yield* refused(letters.purge(name, { oldest: 1 }))
        yield* refused(schedules.list(name))
        yield* refused(Effect.scoped(wakeups.subscribe([queue.name, name])))
        yield* refused(Effect.provide(Client.cancel({ queue: name, id: "a" }), Client.layer))
      }
      for (const name of ["", "a b", "a\nb", "a\0b", "a,b", "żółć", "w".repeat(2000), "\ud800"]) {
        yield* refused(store.exchange({ queue: queue.name, worker: name, settlements: [] }))
        yield* refused(store.watch({ queue: queue.name, jobId: "a", watcher: name, ref: 1 }))
        yield* refused(notices.quiet(name))
        yield* refused(workflows.watch({ id: "w", watcher: name, ref: 1 }))
      }
      for (const name of badNames.filter((bad) => bad !== "../x")) {
        yield* refused(workflows.get(name))
        yield* refused(workflows.outcomes(name, [0]))
      }
      assert.deepStrictEqual(yield* control.queues, before)
    })
  )

  it.effect("INPUT-4 a job that would break out of its record is refused, and with it its call", (queue) =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<Partial<NewJob>> = [
        ...["", "a,b", "a\nb", "a\0b", "{a}", "i".repeat(129), "\ud800"].map((id) => ({ id })),
        ...["", "a,b", "a\nb", "k".repeat(129)].map((kind) => ({ kind })),
        ...["", "a,b", "a\nb", "u".repeat(129)].map((uniqueKey) => ({ uniqueKey })),
        { member: { workflow: "a}b", node: 0, generation: 0 } }
      ]

      for (const options of wrong) {
        yield* refused(queue.enqueue(job("good"), { ...job("bad"), ...options }))
      }
      assert.deepStrictEqual(yield* queue.depths, depths({}))
    })
  )

  it.effect("INPUT-5 a cursor that no page gave is refused", (queue) =>
    Effect.gen(function* () {
      const workflows = yield* WorkflowStore
      const cursors = [
        "",
        ":",
        "x",
        "1",
        "1:",
        "nan:a",
        "+inf:a",
        "1:a,b",
        "1e400:a",
        "(1:a",
        "-:a",
        `${"9".repeat(400)}:a`
      ]

      for (const cursor of cursors) {
        yield* refused(queue.list({ state: "pending", limit: 1, cursor }))
        yield* refused(queue.list({ state: "dead", limit: 1, cursor }))
        yield* refused(workflows.list({ limit: 1, cursor }))
      }
    })
  )

  it.effect("INPUT-5 so is one of schedules, or of the open jobs of a workflow", (queue) =>
    Effect.gen(function* () {
      const schedules = yield* ScheduleStore
      const workflows = yield* WorkflowStore

      for (const cursor of ["", "x", "1:a", "-1", "1.5", "1e3", " 1", "0x1", "9".repeat(400)]) {
        yield* refused(schedules.list(queue.name, cursor))
        yield* refused(workflows.openJobs(queue.name, cursor))
      }
    })
  )

  it.effect("INPUT-6 a limit under which nothing could run is refused, and changes nothing", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      const rate = { limit: 2, perMillis: 1000, burst: 3 }
      yield* control.setLimits(queue.name, { maxActive: 5 })
      yield* control.setRateLimit(queue.name, "k", rate)
      const bad = [0, -1, 1.5, Number.NaN, Infinity, 1e9 + 1, "5" as never]

      for (const value of bad) {
        yield* refused(control.setLimits(queue.name, { maxActive: value }))
        yield* refused(control.setRateLimit(queue.name, "k", { ...rate, limit: value }))
        yield* refused(control.setRateLimit(queue.name, "k", { ...rate, burst: value }))
      }
      for (const perMillis of [0, -1, 0.5, Number.NaN, Infinity]) {
        yield* refused(control.setRateLimit(queue.name, "k", { ...rate, perMillis }))
      }

      assert.deepStrictEqual(yield* control.limits(queue.name), { maxActive: 5 })
      assert.deepStrictEqual(yield* control.rateLimits(queue.name), { k: rate })
    })
  )

  it.effect("BOUND-1 reasons and log lines are cut, and lone surrogates replaced", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const long = `${"x".repeat(maxErrorLength - 1)}🚀`
      yield* queue.enqueue(job("waiting", { retainMillis: 1000 }), job("held", { retainMillis: 1000 }))
      yield* store.cancel({ queue: queue.name, jobId: "waiting", reason: long })
      const { id: jobId, token } = yield* queue.claimOne()

      yield* store.annotate({ queue: queue.name, jobId, token, logs: { from: 0, lines: [long, holes] } })
      yield* store.cancel({ queue: queue.name, jobId, reason: holes })

      const cut = "x".repeat(maxErrorLength - 1)
      assert.strictEqual((yield* queue.read("waiting")).failures[0]!.error, cut)
      assert.deepStrictEqual(yield* store.logs(queue.name, jobId), [cut, mended])
      assert.strictEqual((yield* queue.read(jobId)).cancelRequested, mended)
    })
  )

  it.effect("BOUND-1 a handler's error and the reason of its cancel are well-formed and bounded", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, ({ text }) =>
        text === "cancel"
          ? Effect.fail(new Cancel({ reason: { not: "a text" } as unknown as string }))
          : Effect.die(holes + "x".repeat(1_000_000))
      )
      const failing = yield* enqueue(queue, Echo, { text: "fail" })
      const cancelled = yield* enqueue(queue, Echo, { text: "cancel" })

      yield* advanceUntil(
        Effect.zipWith(isIn(queue, failing.id, "retry"), isIn(queue, cancelled.id, "cancelled"), (a, b) => a && b)
      )

      const [{ error } = { error: "" }] = (yield* queue.read(failing.id)).failures
      assert.strictEqual(error, (mended + "x".repeat(maxErrorLength)).slice(0, maxErrorLength))
      assert.include((yield* queue.read(cancelled.id)).failures[0]!.error, "not")
    })
  )

  it.effect("BOUND-2 a success over the limit is a failed attempt, one at the limit is kept", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, ({ text }) => Effect.succeed("é".repeat(Number(text))), { maxResultBytes: 102 })
      const small = yield* enqueue(queue, Echo, { text: "50" })
      const large = yield* enqueue(queue, Echo, { text: "51" })

      yield* advanceUntil(
        Effect.zipWith(isIn(queue, small.id, "completed"), isIn(queue, large.id, "retry"), (a, b) => a && b)
      )

      assert.include((yield* queue.read(large.id)).failures[0]!.error, "104 bytes, the limit is 102")
    })
  )

  it.effect("BOUND-2 a success of 100 MB neither reaches the store nor ends the worker", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, ({ text }) => Effect.succeed(text === "" ? "x".repeat(100_000_000) : text))
      const large = yield* enqueue(queue, Echo, { text: "" })
      yield* advanceUntil(isIn(queue, large.id, "retry"))

      const next = yield* enqueue(queue, Echo, { text: "next" })
      yield* advanceUntil(isIn(queue, next.id, "completed"))

      assert.include((yield* queue.read(large.id)).failures[0]!.error, "the limit is 524288")
    })
  )

  it.effect("BOUND-3 a typed failure over the limit is kept as its text", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Failing, ({ text }) => Effect.fail(new TooLong({ text: text.repeat(300) })), {
        maxResultBytes: 200
      })
      const { id } = yield* enqueue(queue, Failing, { text: "x" })

      yield* advanceUntil(isIn(queue, id, "dead"))

      const dead = yield* queue.read(id)
      assert.isUndefined(dead.failure)
      assert.include(dead.failures[0]!.error, "the limit is 200")
      assert.include(dead.failures[0]!.error, "TooLong")
    })
  )

  it.effect("BOUND-4 a progress over its limit is not kept, and the handler goes on", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, ({ text }, info) =>
        info.setProgress("small").pipe(Effect.andThen(info.setProgress("x".repeat(65_535))), Effect.as(text))
      )
      const { id } = yield* enqueue(queue, Echo, { text: "" })

      yield* advanceUntil(isIn(queue, id, "completed"))

      assert.strictEqual((yield* queue.read(id)).progress, `"small"`)
    })
  )

  it.effect("BOUND-5 headers and tags beyond their limits are refused", (queue) =>
    Effect.gen(function* () {
      yield* refused(queue.enqueue(job("a", { headers: { a: "x".repeat(32_768) } })))
      yield* refused(queue.enqueue(job("a", { tags: Array.from({ length: 17 }, () => "t".repeat(64)) })))
      yield* queue.enqueue(job("a", { headers: { a: "x".repeat(32_767) }, tags: ["t".repeat(1024)] }))

      assert.deepStrictEqual(yield* queue.depths, depths({ pending: 1 }))
    })
  )

  it.effect("BOUND-6 a workflow with a payload over the limit stores nothing", (queue) =>
    Effect.gen(function* () {
      const jobs = yield* JobStore
      const store = yield* WorkflowStore
      const services = Layer.mergeAll(
        Layer.succeed(JobStore, jobs),
        Layer.succeed(WorkflowStore, store),
        Layer.succeed(Notices, yield* Notices)
      )
      const step = (text: string) => Workflow.job(Echo, { text }, { queue: queue.name })

      const error = yield* Workflows.start(Workflow.chain(step("small"), step("x".repeat(200))), {
        id: "too-large"
      }).pipe(Effect.provide(Layer.provide(Workflows.layerWith({ maxPayloadBytes: 100 }), services)), Effect.flip)

      assert.strictEqual(error._tag, "PayloadTooLarge")
      assert.isTrue(Option.isNone(yield* store.get("too-large")))
      assert.deepStrictEqual(yield* queue.depths, depths({}))
    })
  )
})
