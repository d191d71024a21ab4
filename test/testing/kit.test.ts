import { setTimeout } from "node:timers/promises"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as TestClock from "effect/testing/TestClock"
import { assert, describe } from "vitest"
import { Backoff, Client, JobStore, Schedules, Task, Waiting, Worker, Workflow, Workflows } from "winterq"
import * as Memory from "winterq/memory"
import * as Testing from "winterq/testing"
import { testApp } from "winterq/testing/vitest"

class Work extends Task.make("kit.work", {
  payload: { name: Schema.String },
  success: Schema.String,
  maxAttempts: 3,
  backoff: Backoff.fixed("1 hour")
}) {}

/** What happened in a test's handlers. */
let trail: Array<string> = []

const app = <R>(
  run: (name: string) => Effect.Effect<string, unknown, R>,
  options: { readonly concurrency?: number; readonly drain?: Duration.Input } = {}
) =>
  Worker.layer({ tasks: [Work], log: false, drain: 0, ...options }).pipe(
    Layer.provide(
      Worker.handler(Work, ({ name }) =>
        Effect.suspend(() => {
          trail.push(`${name} starts`)
          return Effect.tap(run(name), () => Effect.sync(() => trail.push(`${name} ends`)))
        })
      )
    ),
    Layer.provideMerge(Client.layer)
  )

const enqueue = (...names: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    trail = []
    return Client.enqueueMany(
      Work,
      names.map((name) => ({ name }))
    )
  })

describe("waiting handlers", () => {
  const sleepy = testApp(
    app((name) => Effect.as(Effect.sleep(`${Number(name)} minutes`), name)),
    Memory.layer
  )

  sleepy(
    "drain leaves sleeping handlers asleep, and time wakes them in order",
    Effect.gen(function* () {
      yield* enqueue("3", "1", "2")

      const first = yield* Testing.drain()
      const rest = yield* Testing.runUntilIdle()

      assert.deepInclude(first, { running: 3, completed: 0, elapsedMillis: 0, stopped: "idle" })
      assert.deepInclude(rest, { running: 0, completed: 3, elapsedMillis: 180_000, stopped: "idle" })
      assert.deepStrictEqual(trail, ["3 starts", "1 starts", "2 starts", "1 ends", "2 ends", "3 ends"])
    })
  )

  sleepy(
    "a handler of six hours keeps its lease",
    Effect.gen(function* () {
      yield* enqueue("360")

      const summary = yield* Testing.runUntilIdle()

      assert.deepInclude(summary, { completed: 1, lease_lost: 0 })
      assert.deepStrictEqual(trail, ["360 starts", "360 ends"])
    })
  )

  const asking = testApp(
    app((name) =>
      name === "outer"
        ? Effect.gen(function* () {
            const handle = yield* Client.enqueue(Work, { name: "inner" }, { delay: "6 hours" })
            return yield* Client.awaitResult(handle)
          })
        : Effect.succeed("from inside")
    ),
    Memory.layer
  )

  asking(
    "a handler may wait for the result of a delayed job",
    Effect.gen(function* () {
      const [handle] = yield* enqueue("outer")

      const result = yield* Testing.runUntil(Client.awaitResult(handle!))

      assert.strictEqual(result, "from inside")
    })
  )

  const outside = testApp(
    app(() => Effect.promise(() => setTimeout(30, "from a socket")).pipe(Effect.timeout("1 second"), Effect.orDie)),
    Memory.layer
  )

  outside(
    "what comes from outside is waited for in real time",
    Effect.gen(function* () {
      const [handle] = yield* enqueue("fetch")

      yield* Testing.drain()

      assert.strictEqual(yield* Client.awaitResult(handle!), "from a socket")
    })
  )

  const never = testApp(
    app(() => Effect.never),
    Memory.layer,
    { patience: 20 }
  )

  never(
    "handlers that wait for nothing are said to be blocked",
    Effect.gen(function* () {
      yield* enqueue("a", "b")

      const summary = yield* Testing.runUntilIdle()

      assert.deepInclude(summary, { running: 2, stopped: "blocked" })
    })
  )

  const turns = Semaphore.makeUnsafe(1)
  const waiting = testApp(
    app((name) => turns.withPermit(Effect.as(Effect.sleep("1 hour"), name))),
    Memory.layer,
    { patience: 20 }
  )

  waiting(
    "handlers that wait for one another take turns",
    Effect.gen(function* () {
      yield* enqueue("a", "b", "c")

      const summary = yield* Testing.runUntilIdle()

      assert.deepInclude(summary, { completed: 3, elapsedMillis: 3 * 3_600_000 })
    })
  )

  const released = Deferred.makeUnsafe<string>()
  const steered = testApp(
    app(() => Deferred.await(released)),
    Memory.layer,
    { patience: 20 }
  )

  steered(
    "a test may let a handler go on",
    Effect.gen(function* () {
      yield* enqueue("a")
      const first = yield* Testing.drain()

      yield* Deferred.succeed(released, "by the test")
      const rest = yield* Testing.drain()

      assert.deepInclude(first, { running: 1, completed: 0 })
      assert.deepInclude(rest, { running: 0, completed: 1 })
    })
  )
})

describe("schedules", () => {
  const hourly = Schedules.entry("hourly", Work, { cron: "0 * * * *", payload: { name: "tick" } })
  const it = testApp(
    Layer.provideMerge(
      app((name) => Effect.succeed(name)),
      Schedules.layer({ group: "kit", entries: [hourly] })
    ),
    Memory.layer
  )

  it(
    "tick for thirty days, and what they enqueue is seen",
    Effect.gen(function* () {
      const summary = yield* Testing.runUntilIdle()

      assert.deepInclude(summary, { completed: 720, stopped: "time", elapsedMillis: 30 * 86_400_000 })
      const jobs = yield* Testing.assertEnqueued(Work, { payload: { name: "tick" }, count: 720 })
      assert.strictEqual(jobs[1]!.enqueuedAt - jobs[0]!.enqueuedAt, 3_600_000)
    })
  )
})

describe("workflows", () => {
  const it = testApp(
    Layer.provideMerge(
      app((name) => Effect.as(Effect.sleep(`${Number(name)} hours`), name)),
      Workflows.layer
    ),
    Memory.layer
  )
  const step = (hours: number) => Workflow.job(Work, { name: `${hours}` })

  it(
    "members run one after the other, in virtual time",
    Effect.gen(function* () {
      trail = []
      const handle = yield* Workflows.start(Workflow.chain(step(1), step(2), step(3)))

      const summary = yield* Testing.runUntilIdle()

      assert.deepInclude(summary, { completed: 3, elapsedMillis: 6 * 3_600_000, stopped: "idle" })
      assert.strictEqual(yield* Workflows.awaitResult(handle), "3")
    })
  )

  it(
    "one is stopped at its deadline, for which nobody sleeps",
    Effect.gen(function* () {
      trail = []
      const handle = yield* Workflows.start(Workflow.chain(step(1), step(2000)), { deadline: "12 hours" })

      const error = yield* Effect.flip(Testing.runUntil(Workflows.awaitResult(handle)))

      assert.include(error, { _tag: "WorkflowFailed", reason: "deadline" })
      assert.strictEqual(yield* Clock.currentTimeMillis, Date.UTC(2026, 0, 1, 12))
    })
  )
})

describe("bounds", () => {
  const endless = testApp(
    app((name) => Effect.as(Client.enqueue(Work, { name }), name)),
    Memory.layer
  )

  endless(
    "a job that enqueues itself for ever is stopped",
    Effect.gen(function* () {
      yield* enqueue("again")

      const summary = yield* Testing.drain({ jobs: 100 })

      assert.deepInclude(summary, { completed: 100, stopped: "jobs" })
    })
  )

  const daily = testApp(
    app((name) => Effect.as(Client.enqueue(Work, { name }, { delay: "1 day" }), name)),
    Memory.layer
  )

  daily(
    "what never ends is run for thirty days",
    Effect.gen(function* () {
      yield* enqueue("daily")

      const summary = yield* Testing.runUntilIdle()

      assert.deepInclude(summary, { completed: 31, stopped: "time", elapsedMillis: 30 * 86_400_000 })
    })
  )

  daily(
    "an effect that nothing will end is a failure",
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Testing.runUntil(Effect.never, { time: "1 hour" }))

      assert.isTrue(Exit.hasDies(exit))
    })
  )
})

describe("the clock", () => {
  const it = testApp(
    app((name) => Effect.as(Effect.sleep("1 minute"), name)),
    Memory.layer,
    { mode: "free" }
  )

  it(
    "adjust runs what is due on the way, workers being free",
    Effect.gen(function* () {
      trail = []
      const before = yield* Clock.currentTimeMillis
      yield* Client.enqueue(Work, { name: "a" }, { delay: "1 day" })
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(trail, ["a starts"])

      yield* TestClock.adjust("10 days")

      assert.deepStrictEqual(trail, ["a starts", "a ends"])
      assert.strictEqual((yield* Clock.currentTimeMillis) - before, 11 * 86_400_000)
    })
  )

  it(
    "fibers of the test sleep and wake at their instants",
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        Effect.gen(function* () {
          yield* Effect.sleep("90 seconds")
          const first = yield* Clock.currentTimeMillis
          yield* Effect.sleep("90 seconds")
          return (yield* Clock.currentTimeMillis) - first
        })
      )

      yield* TestClock.adjust("1 hour")

      assert.strictEqual(yield* Fiber.join(fiber), 90_000)
    })
  )
})

describe("loops that only look", () => {
  const it = testApp(
    app((name) => Effect.succeed(name)),
    Memory.layer
  )
  const looks = Effect.forever(Effect.sleep("1 minute"))

  it(
    "keep nobody from being idle",
    Effect.gen(function* () {
      yield* Effect.forkChild(Effect.provideService(looks, Waiting, "look"))
      yield* Client.enqueue(Work, { name: "a" }, { delay: "1 day" })

      const summary = yield* Testing.runUntilIdle()

      assert.deepInclude(summary, { completed: 1, elapsedMillis: 86_400_000, stopped: "idle" })
    })
  )

  it(
    "and that do not say so are stopped at",
    Effect.gen(function* () {
      yield* Effect.forkChild(looks)

      const summary = yield* Testing.runUntilIdle({ instants: 10 })

      assert.deepInclude(summary, { elapsedMillis: 600_000, stopped: "instants" })
    })
  )
})

describe("inline mode", () => {
  const it = testApp(
    app(
      (name) =>
        name === "outer"
          ? Effect.as(Client.enqueue(Work, { name: "inner" }), name)
          : name === "bad"
            ? Effect.fail("bad")
            : Effect.succeed(name),
      { concurrency: 1 }
    ),
    Memory.layer,
    { mode: "inline" }
  )

  it(
    "an enqueue runs the job, and what that enqueues",
    Effect.gen(function* () {
      const [handle] = yield* enqueue("outer")

      assert.deepStrictEqual(trail, ["outer starts", "outer ends", "inner starts", "inner ends"])
      assert.strictEqual(yield* Client.awaitResult(handle!), "outer")
    })
  )

  it(
    "a job that fails is retried when the test lets time pass",
    Effect.gen(function* () {
      const [handle] = yield* enqueue("bad")
      const after = [...trail]

      const error = yield* Effect.flip(Testing.runUntil(Client.awaitResult(handle!)))

      assert.deepStrictEqual(after, ["bad starts"])
      assert.lengthOf(trail, 3)
      assert.strictEqual((error as { readonly _tag: string })._tag, "JobDead")
    })
  )
})

describe("seeds", () => {
  const steps = app((name) =>
    Effect.gen(function* () {
      for (let i = 0; i < 3; i++) {
        yield* Effect.yieldNow
        trail.push(`${name}${i}`)
      }
      if ((yield* Random.next) < 0.5) return yield* Effect.fail("unlucky")
      return name
    })
  )

  const runOf = (seed: number, shuffle: boolean) =>
    Effect.gen(function* () {
      yield* enqueue("a", "b", "c", "d")
      const { attempts } = yield* Testing.runUntilIdle()
      return { trail: [...trail], attempts }
    }).pipe(Effect.provide(Layer.provideMerge(steps, Testing.layer(Memory.layer, { seed, shuffle }))))

  const it = testApp(Layer.empty, Memory.layer)

  for (const shuffle of [false, true]) {
    it(
      `the same seed gives the same run, ${shuffle ? "" : "not "}shuffled`,
      Effect.gen(function* () {
        const runs = yield* Effect.forEach([1, 2, 3, 1, 2, 3], (seed) => runOf(seed, shuffle))

        assert.deepStrictEqual(runs.slice(0, 3), runs.slice(3))
        assert.notDeepEqual(runs[0], runs[1])
      })
    )
  }
})

describe("mistakes", () => {
  const it = testApp(Client.layer, Memory.layer)

  it(
    "draining without a worker says so",
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Testing.drain())

      assert.match(String(exit), /no worker is there/)
    })
  )
})

describe("perform", () => {
  const it = testApp(
    Worker.handler(Work, ({ name }, job) =>
      Effect.gen(function* () {
        yield* job.setProgress(0.5)
        yield* job.log("half")
        return `${name}, attempt ${job.attempt}`
      })
    ),
    Memory.layer
  )

  it(
    "a handler runs once, without a queue",
    Effect.gen(function* () {
      const said: Array<unknown> = []

      const result = yield* Testing.perform(
        Work,
        { name: "a" },
        {
          attempt: 3,
          onProgress: (value) => said.push(value),
          onLog: (line) => said.push(line)
        }
      )

      assert.strictEqual(result, "a, attempt 3")
      assert.deepStrictEqual(said, [0.5, "half"])
      assert.deepStrictEqual(yield* JobStore.use((store) => store.promote("default", 1)), 0)
    })
  )
})

describe("the end of a test", () => {
  const drainingApp = (run: (name: string) => Effect.Effect<string, unknown>) => app(run, { drain: "30 seconds" })

  const late = testApp(
    drainingApp((name) => Effect.as(Effect.sleep("10 seconds"), name)),
    Memory.layer
  )
  const never = testApp(
    drainingApp(() => Effect.never),
    Memory.layer
  )
  const scoped = testApp(Layer.empty, Memory.layer)

  for (const it of [late, never]) {
    it(
      "comes though handlers still run: the time of the drain passes by itself",
      Effect.gen(function* () {
        yield* enqueue("a")
        yield* Testing.drain()
        assert.deepStrictEqual(trail, ["a starts"])
      }),
      5000
    )
  }

  scoped(
    "a worker that is stopped within a test lets its handlers end, and interrupts those that do not",
    Effect.gen(function* () {
      const stopped = (run: (name: string) => Effect.Effect<string, unknown>) =>
        Effect.scoped(
          Effect.gen(function* () {
            const before = yield* Clock.currentTimeMillis
            const services = yield* Layer.build(drainingApp(run))
            yield* Effect.provide(enqueue("a"), services)
            yield* Testing.drain()
            return before
          })
        ).pipe(Effect.flatMap((before) => Effect.map(Clock.currentTimeMillis, (after) => after - before)))

      const soon = yield* stopped((name) => Effect.as(Effect.sleep("10 seconds"), name))
      const ended = [...trail]
      const cutOff = yield* stopped(() => Effect.never)

      assert.strictEqual(soon, 10_000)
      assert.deepStrictEqual(ended, ["a starts", "a ends"])
      assert.strictEqual(cutOff, 30_000)
      assert.deepStrictEqual(trail, ["a starts"])
    }),
    5000
  )
})
