import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import type { JobInfo } from "../../features/worker/Worker.ts"
import * as Backoff from "../../domain/Backoff.ts"
import { Cancel, SkipRetry, Snooze } from "../../domain/Steering.ts"
import type { RateLimitOptions } from "../../domain/Task.ts"
import * as Task from "../../domain/Task.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { StoreError } from "../../ports/StoreError.ts"
import { contract } from "./contract.ts"
import { job, keepAll, release } from "./support.ts"
import { advanceUntil, Echo, enqueue, eventually, isIn, work } from "./worker-support.ts"

class Brief extends Task.make("contract.brief", { payload: Schema.Void, timeout: "2 seconds", maxAttempts: 1 }) {}

/** A handler that never ends by itself, and what is seen of it from outside. */
const endless = Effect.gen(function* () {
  const started = yield* Deferred.make<JobInfo>()
  const interrupted = yield* Deferred.make<void>()
  const run = (_: unknown, info: JobInfo) =>
    Deferred.succeed(started, info).pipe(
      Effect.andThen(Effect.never),
      Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
    )
  return { started, interrupted, run }
})

export const runningContract = contract("running jobs", (it) => {
  it.effect("RUN-1 a handler's success completes its job and is stored", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, ({ text }) => Effect.succeed(`${text} back`))
      const { id } = yield* enqueue(queue, Echo, { text: "hello" })

      yield* advanceUntil(isIn(queue, id, "completed"))

      assert.deepInclude(yield* queue.read(id), { attempt: 1, result: `"hello back"`, failures: [] })
    })
  )

  it.effect("RUN-1 a success that does not fit its schema is a failed attempt", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, () => Effect.succeed(1 as unknown as string))
      const { id } = yield* enqueue(queue, Echo, { text: "" })

      yield* advanceUntil(isIn(queue, id, "retry"))

      assert.include((yield* queue.read(id)).failures[0]!.error, "does not fit")
    })
  )

  it.effect("RUN-2 a failing handler is tried again after the task's backoff", (queue) =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      yield* work(queue, Echo, (_, { attempt }) =>
        Effect.gen(function* () {
          starts.push(yield* Clock.currentTimeMillis)
          return attempt < 3 ? yield* Effect.fail(new Error(`no ${attempt}`)) : "yes"
        })
      )
      const { id } = yield* enqueue(queue, Echo, { text: "" })

      yield* advanceUntil(isIn(queue, id, "completed"))

      const { failures } = yield* queue.read(id)
      assert.lengthOf(failures, 2)
      assert.include(failures[1]!.error, "no 2")
      assert.isAtLeast(starts[1]! - starts[0]!, 10_000)
      assert.isAtLeast(starts[2]! - starts[1]!, 10_000)
    })
  )

  it.effect("RUN-2 a backoff is told what the attempt failed with", (queue) =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const backoff = Backoff.custom((_, error) => {
        told.push(error)
        return (error as { readonly waitMillis: number }).waitMillis
      }).pipe(Backoff.jitteredBy(0), Backoff.capped("1 minute"))
      class Told extends Task.make("contract.told", { payload: Schema.Void, backoff, maxAttempts: 3 }) {}
      const errors = [{ waitMillis: 7000 }, Object.assign(new Error("a bug"), { waitMillis: 100_000 })]
      const starts: Array<number> = []
      yield* work(queue, Told, (_, { attempt }) =>
        Effect.gen(function* () {
          starts.push(yield* Clock.currentTimeMillis)
          if (attempt === 1) return yield* Effect.fail(errors[0])
          if (attempt === 2) return yield* Effect.die(errors[1])
        })
      )
      yield* enqueue(queue, Told, undefined)

      yield* advanceUntil(Effect.map(queue.depths, () => starts.length === 3))

      assert.deepStrictEqual(told, errors)
      assert.isAtLeast(starts[1]! - starts[0]!, 7000)
      assert.isBelow(starts[1]! - starts[0]!, 60_000)
      assert.isAtLeast(starts[2]! - starts[1]!, 60_000)
    })
  )

  it.effect("RUN-2 an attempt that always fails ends among the dead letters", (queue) =>
    Effect.gen(function* () {
      const endings = [
        () => Effect.fail("no"),
        () => Effect.die(new Error("a bug")),
        (): Effect.Effect<never> => {
          throw new Error("thrown")
        },
        () => Effect.interrupt,
        () => Effect.fail({ get message() { throw new Error("unreadable") } }) // oxfmt-ignore
      ]
      let next = 0
      yield* work(queue, Echo, () => endings[next++ % endings.length]!(), { concurrency: 1 })
      const handles = yield* Effect.forEach(endings, (_, i) => enqueue(queue, Echo, { text: String(i) }))

      yield* advanceUntil(Effect.map(queue.depths, ({ dead }) => dead === handles.length))

      for (const { id } of handles) {
        assert.deepInclude(yield* queue.read(id), { deadReason: "exhausted", attempt: 3 })
      }
    })
  )

  it.effect("RUN-3 a handler puts off, cancels and buries its job", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, ({ text }, { snoozes }) => {
        if (text === "snooze") return snoozes === 0 ? Effect.fail(Snooze.for("5 seconds")) : Effect.succeed("rested")
        if (text === "cancel") return Effect.fail(new Cancel({ reason: "not wanted" }))
        return Effect.fail(new SkipRetry({ error: new Error("hopeless") }))
      })
      const snooze = yield* enqueue(queue, Echo, { text: "snooze" })
      const cancel = yield* enqueue(queue, Echo, { text: "cancel" })
      const skip = yield* enqueue(queue, Echo, { text: "skip" })

      yield* advanceUntil(isIn(queue, snooze.id, "completed"))

      assert.deepInclude(yield* queue.read(snooze.id), { attempt: 1, snoozes: 1 })
      assert.deepInclude((yield* queue.read(cancel.id)).failures[0], { outcome: "cancelled", error: "not wanted" })
      const dead = yield* queue.read(skip.id)
      assert.strictEqual(dead.deadReason, "skipped")
      assert.include(dead.failures[0]!.error, "hopeless")
    })
  )

  it.effect("RUN-4 a handler over its timeout is interrupted and has failed", (queue) =>
    Effect.gen(function* () {
      const { interrupted, run } = yield* endless
      yield* work(queue, Brief, run)
      const { id } = yield* enqueue(queue, Brief, undefined)

      yield* advanceUntil(isIn(queue, id, "dead"))

      yield* Deferred.await(interrupted)
      assert.include((yield* queue.read(id)).failures[0]!.error, "2000 ms")
    })
  )

  it.effect("RUN-5 a payload that cannot be decoded makes its job dead at once", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, () => Effect.succeed("never"))
      yield* queue.enqueue(
        job("not-json", { kind: Echo.kind, payload: "{" }),
        job("other", { kind: Echo.kind, payload: `{"text":1}` })
      )

      yield* advanceUntil(Effect.map(queue.depths, ({ dead }) => dead === 2))

      for (const id of ["not-json", "other"]) {
        assert.deepInclude(yield* queue.read(id), { deadReason: "undecodable", attempt: 1 })
      }
    })
  )

  it.effect("RUN-6 a job of an unknown kind is released with a delay", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, () => Effect.succeed("never"), { unknownKindDelay: "20 seconds" })
      yield* queue.enqueue(job("stranger", { kind: "contract.stranger" }))

      yield* eventually(isIn(queue, "stranger", "scheduled"))

      const found = yield* queue.read("stranger")
      const now = yield* Clock.currentTimeMillis
      assert.deepInclude(found, { attempt: 0, visibleAt: now + 20_000, failures: [] })
    })
  )

  it.effect("RUN-7 the lease of a long job is extended", (queue) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<string>()
      yield* work(queue, Echo, () => Deferred.await(gate), { lease: "6 seconds" })
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      yield* eventually(isIn(queue, id, "active"))
      const first = (yield* queue.read(id)).leaseExpiresAt!

      yield* advanceUntil(Effect.map(queue.read(id), ({ leaseExpiresAt }) => leaseExpiresAt! > first + 30_000))
      yield* Deferred.succeed(gate, "done")
      yield* eventually(isIn(queue, id, "completed"))

      assert.deepInclude(yield* queue.read(id), { attempt: 1, rescues: 0 })
    })
  )

  it.effect("RUN-7 a handler whose lease was lost is interrupted, and its end is dropped", (queue) =>
    Effect.gen(function* () {
      const { interrupted, run, started } = yield* endless
      yield* work(queue, Echo, run, { lease: "6 seconds" })
      const { id } = yield* enqueue(queue, Echo, { text: "" }, { id: "taken" })
      const { token } = yield* Deferred.await(started)

      // somebody else ends the attempt, and then holds the job
      yield* queue.pause
      yield* queue.settle(release({ id, token }, 3_600_000))
      yield* advanceUntil(Effect.andThen(queue.depths, Deferred.isDone(interrupted)))

      assert.deepInclude(yield* queue.read(id), { state: "scheduled", attempt: 0, failures: [] })
    })
  )

  it.effect("RUN-7 a handler is interrupted when its lease cannot be extended in time", (queue) =>
    Effect.gen(function* () {
      const { interrupted, run, started } = yield* endless
      const store = yield* JobStore
      const deaf = JobStore.of({
        ...store,
        extendLeases: () =>
          Effect.fail(
            new StoreError({ operation: "extendLeases", reason: "unavailable", retryable: true, cause: "cut" })
          )
      })
      yield* Effect.provideService(work(queue, Echo, run, { lease: "6 seconds" }), JobStore, deaf)
      yield* enqueue(queue, Echo, { text: "" })
      yield* Deferred.await(started)

      yield* TestClock.adjust("5 seconds")
      const early = yield* Deferred.isDone(interrupted)
      yield* TestClock.adjust("1 second")
      yield* Deferred.await(interrupted)

      assert.isFalse(early)
    })
  )

  it.effect("RUN-8 no more than concurrency handlers run at once", (queue) =>
    Effect.gen(function* () {
      const gates = new Map<string, Deferred.Deferred<string>>()
      let running = 0
      let most = 0
      yield* work(
        queue,
        Echo,
        ({ text }) =>
          Effect.gen(function* () {
            most = Math.max(most, ++running)
            const gate = yield* Deferred.make<string>()
            gates.set(text, gate)
            const value = yield* Deferred.await(gate)
            running--
            return value
          }),
        { concurrency: 3 }
      )
      const handles = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7], (n) => enqueue(queue, Echo, { text: String(n) }))

      for (let opened = 0; opened < handles.length; opened++) {
        yield* eventually(Effect.map(queue.depths, () => gates.size > 0))
        const [text, gate] = [...gates][0]!
        gates.delete(text)
        yield* Deferred.succeed(gate, "done")
      }
      yield* eventually(Effect.map(queue.depths, ({ completed }) => completed === handles.length))

      assert.strictEqual(most, 3)
    })
  )

  it.effect("RUN-9 a worker picks up delayed jobs and expired leases by itself", (queue) =>
    Effect.gen(function* () {
      const delayed = yield* enqueue(queue, Echo, { text: "delayed" }, { delay: "1 minute" })
      const lost = yield* enqueue(queue, Echo, { text: "lost" })
      yield* queue.claimOne({ worker: "vanished", leaseMillis: 20_000 })
      yield* work(queue, Echo, ({ text }) => Effect.succeed(text))

      yield* advanceUntil(isIn(queue, lost.id, "completed"))
      const early = yield* queue.state(delayed.id)
      yield* advanceUntil(isIn(queue, delayed.id, "completed"))

      assert.strictEqual(early, "scheduled")
      assert.deepInclude(yield* queue.read(lost.id), { attempt: 2, rescues: 1 })
    })
  )

  it.effect("RUN-9 a worker removes records whose time is over by itself", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, ({ text }) => Effect.succeed(text), { retention: { maxFinished: 1 } })
      const first = yield* enqueue(queue, Echo, { text: "first" })
      yield* advanceUntil(isIn(queue, first.id, "completed"))
      yield* TestClock.adjust("1 second")
      const second = yield* enqueue(queue, Echo, { text: "second" })

      yield* advanceUntil(isIn(queue, first.id, "none"))

      assert.strictEqual(yield* queue.state(second.id), "completed")
      assert.strictEqual(yield* queue.prune(keepAll), 0)
    })
  )

  it.effect("RUN-10 a handler whose job is cancelled elsewhere is interrupted, and the job cancelled", (queue) =>
    Effect.gen(function* () {
      const { interrupted, run, started } = yield* endless
      yield* work(queue, Echo, run)
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      yield* Deferred.await(started)

      const outcome = yield* JobStore.use((store) => store.cancel({ queue: queue.name, jobId: id, reason: "enough" }))
      yield* Deferred.await(interrupted)
      yield* eventually(isIn(queue, id, "cancelled"))

      assert.strictEqual(outcome, "requested")
      assert.deepInclude((yield* queue.read(id)).failures[0], { attempt: 1, outcome: "cancelled", error: "enough" })
    })
  )

  it.effect("RUN-10 a lost request to stop is heard of with the next extension", (queue) =>
    Effect.gen(function* () {
      const { interrupted, run, started } = yield* endless
      const deaf = Notices.of({ open: () => Queue.unbounded<never>(), quiet: () => Effect.void })
      yield* Effect.provideService(work(queue, Echo, run, { lease: "6 seconds" }), Notices, deaf)
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      yield* Deferred.await(started)
      yield* JobStore.use((store) => store.cancel({ queue: queue.name, jobId: id, reason: "enough" }))

      yield* advanceUntil(isIn(queue, id, "cancelled"))

      yield* Deferred.await(interrupted)
    })
  )

  it.effect("RUN-11 a handler sets progress and logs, and a failing store does not hurt it", (queue) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const deaf = JobStore.of({
        ...store,
        annotate: (request) =>
          request.logs?.lines[0] === "unheard" ? Effect.die(new Error("no notes today")) : store.annotate(request)
      })
      const run = (_: unknown, info: JobInfo) =>
        info
          .setProgress({ done: 1, of: 2 })
          .pipe(Effect.andThen(info.log("one", "two")), Effect.andThen(info.log("unheard")), Effect.as("done"))
      yield* Effect.provideService(work(queue, Echo, run), JobStore, deaf)
      const { id } = yield* enqueue(queue, Echo, { text: "" })

      yield* eventually(isIn(queue, id, "completed"))

      assert.strictEqual((yield* queue.read(id)).progress, `{"done":1,"of":2}`)
      assert.deepStrictEqual(yield* store.logs(queue.name, id), ["one", "two"])
    })
  )

  it.effect("RATE-6 a starting worker puts its tasks' limits in force, and lifts those no longer declared", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      class Limited extends Task.make(Echo.kind, {
        payload: { text: Schema.String },
        rateLimit: { limit: 5, per: "1 second" }
      }) {}
      const limits = control.rateLimits(queue.name)
      const startWith = (rateLimits: Record<string, RateLimitOptions | false> = {}) =>
        Effect.scoped(work(queue, Limited, () => Effect.void, { rateLimits })).pipe(Effect.andThen(limits))
      const startWithout = Effect.scoped(work(queue, Echo, () => Effect.succeed(""))).pipe(Effect.andThen(limits))

      const found = [
        yield* startWith(),
        yield* startWith({ [Echo.kind]: { limit: 1, per: "1 minute", burst: 3 } }),
        yield* startWith({ [Echo.kind]: false }),
        yield* startWith(),
        yield* startWithout
      ]
      const wrong = yield* Effect.flip(startWith({ [Echo.kind]: { limit: 0, per: "1 minute" } }))

      const five = { limit: 5, perMillis: 1000, burst: 5 }
      assert.deepStrictEqual(found, [
        { [Echo.kind]: five },
        { [Echo.kind]: { limit: 1, perMillis: 60_000, burst: 3 } },
        {},
        { [Echo.kind]: five },
        {}
      ])
      assert.strictEqual(wrong._tag, "InvalidInput")
    })
  )

  it.effect("RUN-12 what a handler acquires is released when its attempt ends", (queue) =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const resource = Effect.acquireRelease(
        Effect.sync(() => seen.push("acquired")),
        () => Effect.sync(() => seen.push("released"))
      )
      yield* work(queue, Echo, () => Effect.as(resource, "done"))
      const { id } = yield* enqueue(queue, Echo, { text: "" })

      yield* eventually(isIn(queue, id, "completed"))

      assert.deepStrictEqual(seen, ["acquired", "released"])
    })
  )

  it.effect("RUN-13 a retry starts when its backoff is over, not when the worker next looks by itself", (queue) =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      class Quick extends Task.make("contract.quick", { payload: Schema.Void, backoff: Backoff.fixed("200 millis") }) {}
      yield* work(
        queue,
        Quick,
        (_, { attempt, snoozes }) =>
          Effect.gen(function* () {
            starts.push(yield* Clock.currentTimeMillis)
            if (attempt === 1 && snoozes === 0) return yield* Effect.fail(Snooze.for("200 millis"))
            if (attempt === 1) return yield* Effect.fail(new Error("once"))
          }),
        { poll: "1 hour" }
      )
      yield* enqueue(queue, Quick, undefined)

      yield* advanceUntil(
        Effect.map(queue.depths, () => starts.length === 3),
        "20 millis"
      )

      const [first, second, third] = starts as [number, number, number]
      assert.isAtMost(second - first, 250)
      assert.isAtMost(third - second, 250)
    })
  )
})
