import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Cancel, SkipRetry, Snooze } from "../../domain/Steering.ts"
import * as Task from "../../domain/Task.ts"
import { Client } from "../../features/client/Client.ts"
import type { Hooks, JobEvent } from "../../features/worker/Hooks.ts"
import { Middleware } from "../../features/worker/Middleware.ts"
import { Worker } from "../../features/worker/Worker.ts"
import { contract, type Ports } from "./contract.ts"
import { listeningLogger } from "./observing-support.ts"
import { job, release } from "./support.ts"
import { JobStore } from "../../ports/JobStore.ts"
import type { TestQueue } from "./TestQueue.ts"
import { advanceUntil, Echo, enqueue, eventually, hasReported, isIn, work } from "./worker-support.ts"

class Brief extends Task.make("contract.brief", { payload: Schema.Void, timeout: "2 seconds", maxAttempts: 1 }) {}

type Told = JobEvent & Readonly<Record<string, unknown>>

/** Whether it is so, after the store was asked something: one that is far away gets time to answer others. */
const seen = (queue: TestQueue, isSo: () => boolean) => Effect.map(queue.depths, isSo)

/** Hooks that keep what they are told, in order. */
const listening = (queue: TestQueue) => {
  const told: Array<Told> = []
  const keep = (name: string) => (event: JobEvent) => Effect.sync(() => told.push({ ...event, name }))
  const hooks: Required<Hooks> = {
    onStart: keep("onStart"),
    onComplete: keep("onComplete"),
    onError: keep("onError"),
    onDead: keep("onDead"),
    onCancel: keep("onCancel"),
    onSnooze: keep("onSnooze"),
    onRescue: keep("onRescue"),
    onLeaseLost: keep("onLeaseLost"),
    onRelease: keep("onRelease")
  }
  const names = (jobId?: string) =>
    told.filter((event) => jobId === undefined || event.jobId === jobId).map((event) => event["name"])
  const of = (name: string) => told.filter((event) => event["name"] === name)
  const has = (name: string) => seen(queue, () => of(name).length > 0)
  return { told, hooks, names, of, has }
}

class Greeting extends Context.Service<Greeting, { readonly text: string }>()(
  "winterq/testing/contract/hooks/Greeting"
) {}

export const hooksContract = contract("hooks and middleware", (it) => {
  it.effect("HOOK-1 middleware wraps the handler, the first outermost", (queue) =>
    Effect.gen(function* () {
      const steps: Array<string> = []
      const named = (name: string) =>
        Middleware.make((next, { kind }) => {
          steps.push(`${name} before ${kind}`)
          return Effect.map(next, (value) => `${name}(${String(value)})`)
        })
      yield* work(queue, Echo, ({ text }) => Effect.succeed(text), { middleware: [named("outer"), named("inner")] })
      const { id } = yield* enqueue(queue, Echo, { text: "handler" })

      yield* advanceUntil(isIn(queue, id, "completed"))

      assert.deepStrictEqual(steps, ["outer before contract.echo", "inner before contract.echo"])
      assert.strictEqual((yield* queue.read(id)).result, `"outer(inner(handler))"`)
    })
  )

  it.effect("HOOK-1 what middleware makes of the handler is how the attempt ends", (queue) =>
    Effect.gen(function* () {
      let runs = 0
      const gate = Middleware.make((next, { id, snoozes }) => {
        if (id === "refused") return Effect.fail(new Cancel({ reason: "not today" }))
        if (id === "later" && snoozes === 0) return Effect.fail(Snooze.for("5 seconds"))
        if (id === "thrown") throw new Error("a bug")
        return next
      })
      yield* work(queue, Echo, ({ text }) => Effect.sync(() => `${text} ${++runs}`), { middleware: [gate] })
      for (const id of ["refused", "later", "thrown"]) yield* enqueue(queue, Echo, { text: id }, { id })

      yield* advanceUntil(isIn(queue, "thrown", "dead"))

      assert.strictEqual(runs, 1)
      assert.strictEqual((yield* queue.read("later")).result, `"later 1"`)
      assert.include((yield* queue.read("thrown")).failures[0]!.error, "a bug")
      assert.deepInclude(yield* queue.counters, { cancelled: 1, snoozed: 1, died: 1 })
    })
  )

  it.effect("HOOK-2 middleware sees the timeout of the handler it wraps", (queue) =>
    Effect.gen(function* () {
      const timedOut = yield* Deferred.make<Exit.Exit<unknown, unknown>>()
      const watch = Middleware.make((next) => Effect.onExit(next, (exit) => Deferred.succeed(timedOut, exit)))
      yield* work(queue, Brief, () => Effect.never, { middleware: [watch] })
      const { id } = yield* enqueue(queue, Brief, undefined)

      yield* advanceUntil(isIn(queue, id, "dead"))

      assert.include(String(yield* Deferred.await(timedOut)), "2000 ms")
    })
  )

  it.effect("HOOK-3 hooks are told of starts and of every end", (queue) =>
    Effect.gen(function* () {
      const { has, hooks, names, of, told } = listening(queue)
      yield* work(
        queue,
        Echo,
        ({ text }, { attempt, snoozes }) => {
          if (text === "error" && attempt === 1) return Effect.fail(new Error("once"))
          if (text === "dead") return Effect.fail(new Error("always"))
          if (text === "skip") return Effect.fail(new SkipRetry({ error: "hopeless" }))
          if (text === "cancel") return Effect.fail(new Cancel({ reason: "not wanted" }))
          if (text === "snooze" && snoozes === 0) return Effect.fail(Snooze.for("5 seconds"))
          return Effect.succeed(text)
        },
        { hooks, log: false }
      )
      const texts = ["complete", "error", "skip", "cancel", "snooze", "dead"]
      for (const text of texts) yield* enqueue(queue, Echo, { text }, { id: text })

      yield* advanceUntil(has("onDead"))
      yield* advanceUntil(seen(queue, () => of("onDead").length === 2))

      assert.deepStrictEqual(texts.map(names), [
        ["onStart", "onComplete"],
        ["onStart", "onError", "onStart", "onComplete"],
        ["onStart", "onDead"],
        ["onStart", "onCancel"],
        ["onStart", "onSnooze", "onStart", "onComplete"],
        ["onStart", "onError", "onStart", "onError", "onStart", "onDead"]
      ])
      for (const { queue: name, workerId } of told) {
        assert.strictEqual(name, queue.name)
        assert.include(workerId, "worker-")
      }
      const error = of("onError").find(({ jobId }) => jobId === "error")
      assert.deepInclude(error, { attempt: 1, delayMillis: 10_000 })
      assert.include(JSON.stringify(error), "once")
      assert.deepInclude(of("onCancel")[0], { reason: "not wanted", attempt: 1 })
      assert.deepInclude(of("onSnooze")[0], { delayMillis: 5000 })
      assert.deepStrictEqual(
        of("onDead").map((event) => [event.jobId, event["reason"]]),
        [
          ["skip", "skipped"],
          ["dead", "exhausted"]
        ]
      )
    })
  )

  it.effect("HOOK-3 an end is told once the store has recorded it", (queue) =>
    Effect.gen(function* () {
      const state = yield* Deferred.make<string>()
      const onComplete = ({ jobId }: JobEvent) =>
        Effect.flatMap(queue.state(jobId), (found) => Deferred.succeed(state, found))
      yield* work(queue, Echo, ({ text }) => Effect.succeed(text), {
        hooks: { onComplete: (event) => Effect.orDie(onComplete(event)) }
      })
      yield* enqueue(queue, Echo, { text: "" })

      yield* advanceUntil(Effect.andThen(queue.depths, Deferred.isDone(state)))

      assert.strictEqual(yield* Deferred.await(state), "completed")
    })
  )

  it.effect("HOOK-3 hooks are told of jobs that were never run", (queue) =>
    Effect.gen(function* () {
      const { has, hooks, names, of } = listening(queue)
      yield* queue.enqueue(
        job("stranger", { kind: "contract.stranger" }),
        job("broken", { kind: Echo.kind, payload: "{" })
      )
      yield* work(queue, Echo, () => Effect.succeed("never"), { hooks, log: false })

      yield* advanceUntil(has("onDead"))
      yield* advanceUntil(has("onRelease"))

      assert.deepStrictEqual([names("stranger"), names("broken")], [["onRelease"], ["onDead"]])
      assert.deepInclude(of("onRelease")[0], { reason: "no handler", delayMillis: 30_000 })
      assert.deepInclude(of("onDead")[0], { reason: "undecodable" })
    })
  )

  it.effect("HOOK-3 hooks are told of a lost lease", (queue) =>
    Effect.gen(function* () {
      const { has, hooks, names } = listening(queue)
      const started = yield* Deferred.make<number>()
      yield* work(queue, Echo, (_, { token }) => Effect.andThen(Deferred.succeed(started, token), Effect.never), {
        hooks,
        lease: "6 seconds",
        log: false
      })
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      const token = yield* Deferred.await(started)

      yield* queue.pause
      yield* queue.settle(release({ id, token }, 3_600_000))
      yield* advanceUntil(has("onLeaseLost"))

      assert.deepStrictEqual(names(id), ["onStart", "onLeaseLost"])
    })
  )

  it.effect("HOOK-3 hooks are told why somebody else cancels a job", (queue) =>
    Effect.gen(function* () {
      const { has, hooks, names, of } = listening(queue)
      const started = yield* Deferred.make<void>()
      yield* work(queue, Echo, () => Effect.andThen(Deferred.succeed(started, undefined), Effect.never), {
        hooks,
        log: false
      })
      yield* eventually(hasReported(queue))
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      yield* Deferred.await(started)

      yield* JobStore.use((store) => store.cancel({ queue: queue.name, jobId: id, reason: "too late" }))
      yield* eventually(has("onCancel"))

      assert.deepStrictEqual(names(id), ["onStart", "onCancel"])
      assert.deepInclude(of("onCancel")[0], { reason: "too late", attempt: 1 })
    })
  )

  it.effect("HOOK-4 hooks are told of jobs that this worker takes back", (queue) =>
    Effect.gen(function* () {
      const { has, hooks, of } = listening(queue)
      yield* queue.enqueue(
        job("rescued", { kind: Echo.kind, payload: `{"text":""}` }),
        job("buried", { kind: Echo.kind, payload: `{"text":""}`, maxAttempts: 1 })
      )
      yield* queue.claim({ worker: "vanished", leaseMillis: 20_000 })
      yield* work(queue, Echo, ({ text }) => Effect.succeed(text), { hooks, log: false })

      yield* advanceUntil(has("onDead"))
      yield* advanceUntil(has("onComplete"))

      assert.deepStrictEqual(
        of("onRescue").map(({ jobId }) => jobId),
        ["rescued"]
      )
      assert.deepInclude(of("onDead")[0], { jobId: "buried", reason: "crashed" })
    })
  )

  it.effect("HOOK-5 hooks run one after the other, in the order of what happened", (queue) =>
    Effect.gen(function* () {
      const order: Array<string> = []
      let running = 0
      const slow = (name: string) => (event: JobEvent) =>
        Effect.gen(function* () {
          assert.strictEqual(++running, 1)
          yield* Effect.yieldNow
          running--
          order.push(`${name} ${event.jobId}`)
        })
      yield* work(queue, Echo, ({ text }) => Effect.succeed(text), {
        concurrency: 1,
        hooks: { onStart: slow("start"), onComplete: slow("complete") }
      })
      for (const id of ["a", "b", "c"]) yield* enqueue(queue, Echo, { text: "" }, { id })

      yield* advanceUntil(seen(queue, () => order.length === 6))

      assert.deepStrictEqual(
        order,
        ["a", "b", "c"].flatMap((id) => [`start ${id}`, `complete ${id}`])
      )
    })
  )

  it.effect("HOOK-6 a hook that fails, dies or hangs is logged and hurts nobody", (queue) =>
    Effect.gen(function* () {
      const { about, layer } = listeningLogger()
      const completed: Array<string> = []
      const endings: Record<string, () => Effect.Effect<void, string>> = {
        fails: () => Effect.fail("no"),
        dies: () => Effect.die(new Error("a bug")),
        throws: () => {
          throw new Error("thrown")
        },
        hangs: () => Effect.never,
        ignores: () => Effect.uninterruptible(Effect.never)
      }
      yield* Effect.provide(
        work(queue, Echo, ({ text }) => Effect.succeed(text), {
          hooks: {
            onStart: ({ jobId }) => endings[jobId]!(),
            onComplete: ({ jobId }) => Effect.sync(() => completed.push(jobId))
          }
        }),
        layer
      )
      const all = Object.keys(endings)
      for (const id of all) yield* enqueue(queue, Echo, { text: "" }, { id })

      yield* eventually(isIn(queue, "ignores", "completed"))
      yield* advanceUntil(seen(queue, () => completed.length === all.length))

      assert.deepStrictEqual(
        yield* queue.states(...all),
        all.map(() => "completed")
      )
      assert.lengthOf(about("hook onStart of job"), 5)
      assert.lengthOf(about("it took over 5000 ms"), 2)
    })
  )

  it.effect("HOOK-7 events beyond the backlog are dropped, loudly", (queue) =>
    Effect.gen(function* () {
      const { about, layer } = listeningLogger()
      const gate = yield* Deferred.make<void>()
      let told = 0
      const many = Array.from({ length: 10_010 }, (_, i) =>
        job(`job-${i}`, { kind: Echo.kind, payload: `{"text":""}` })
      )
      for (let i = 0; i < many.length; i += 5000) yield* queue.enqueue(...many.slice(i, i + 5000))

      yield* Effect.provide(
        work(queue, Echo, ({ text }) => Effect.succeed(text), {
          concurrency: 1000,
          hooks: {
            onStart: () =>
              Effect.andThen(
                Deferred.await(gate),
                Effect.sync(() => told++)
              )
          }
        }),
        layer
      )
      yield* eventually(Effect.map(queue.counters, ({ completed }) => completed === many.length))
      const soon = about("hooks fall behind").length
      yield* Deferred.succeed(gate, undefined)
      yield* eventually(Effect.sync(() => about("hooks caught up").length > 0))

      assert.strictEqual(soon, 1)
      assert.strictEqual(told, 10_000)
      assert.include(about("hooks caught up")[0]!.message, "10 events were dropped")
    })
  )

  it.effect("HOOK-8 a worker that stops runs the hooks of what was told first", (queue) =>
    Effect.gen(function* () {
      const { has, hooks, names } = listening(queue)
      const scope = yield* Scope.make()
      const started = yield* Deferred.make<void>()
      const run = () => Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
      const slow = {
        ...hooks,
        onStart: (event: JobEvent) => Effect.andThen(Effect.yieldNow, hooks.onStart(event as never))
      }
      yield* Effect.provideService(work(queue, Echo, run, { hooks: slow, log: false }), Scope.Scope, scope)
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      yield* Deferred.await(started)

      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* advanceUntil(seen(queue, () => stopping.pollUnsafe() !== undefined))
      yield* Fiber.join(stopping)

      assert.deepStrictEqual(names(id), ["onStart", "onRelease"])
      assert.isTrue(yield* has("onRelease"))
    })
  )

  it.effect("HOOK-8 a hook that hangs does not hold up the end of its worker, nor outlive it", (queue) =>
    Effect.gen(function* () {
      const { about, layer } = listeningLogger()
      const scope = yield* Scope.make()
      let running = 0
      const hangs = () =>
        Effect.onInterrupt(
          Effect.suspend(() => {
            running++
            return Effect.never
          }),
          () =>
            Effect.sync(() => {
              running--
            })
        )
      yield* work(queue, Echo, ({ text }) => Effect.succeed(text), { hooks: { onStart: hangs } }).pipe(
        Effect.provide(layer),
        Effect.provideService(Scope.Scope, scope)
      )
      const ids = ["a", "b", "c"]
      for (const id of ids) yield* enqueue(queue, Echo, { text: "" }, { id })
      yield* eventually(isIn(queue, "c", "completed"))

      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* advanceUntil(seen(queue, () => stopping.pollUnsafe() !== undefined))

      assert.lengthOf(about("the worker ends before its hooks"), 1)
      // what it uses has gone with the worker
      assert.strictEqual(running, 0)
    })
  )

  it.effect("HOOK-9 handlers, middleware and hooks use what the layer is given, and enqueue", (queue) =>
    Effect.gen(function* () {
      const chain = (id: string) => Client.enqueue(Echo, { text: "" }, { queue: queue.name, id })
      const EchoLive = Worker.handler(Echo, ({ text }) =>
        text === "first" ? Effect.as(chain("by-handler"), text) : Effect.succeed(text)
      )
      const greet = Middleware.make((next, { id }) =>
        Effect.flatMap(Greeting, ({ text }) => (id === "first" ? Effect.andThen(chain(text), next) : next))
      )
      const WorkerLive: Layer.Layer<Worker, unknown, Ports | Client | Greeting> = Worker.layer({
        tasks: [Echo],
        queues: [queue.name],
        drain: 0,
        middleware: [greet],
        hooks: { onComplete: ({ jobId }) => (jobId === "first" ? chain("by-hook") : Effect.void) }
      }).pipe(Layer.provide(EchoLive))
      yield* Layer.build(
        WorkerLive.pipe(Layer.provide([Layer.succeed(Greeting, { text: "by-middleware" }), Client.layer]))
      )
      yield* enqueue(queue, Echo, { text: "first" }, { id: "first" })

      yield* advanceUntil(isIn(queue, "by-hook", "completed"))

      assert.deepStrictEqual(yield* queue.states("by-middleware", "by-handler"), ["completed", "completed"])
    })
  )
})
