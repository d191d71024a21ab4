import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { InvalidInput } from "../../domain/limits.ts"
import * as Queues from "../../domain/Queues.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { Wakeups } from "../../ports/Wakeups.ts"
import { contract } from "./contract.ts"
import {
  completed,
  countedWakeups,
  countOf,
  fill,
  gated,
  recorder,
  siblings,
  slowStore,
  workerOf
} from "./many-queues-support.ts"
import { job } from "./support.ts"
import { advanceUntil, Echo, eventually, isIn, work } from "./worker-support.ts"

export const changingQueuesContract = contract("changing queues", (it) => {
  it.effect("QUEUES-6 raising the concurrency starts more, lowering it starts none until there are fewer", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { endOne, run, running } = gated()
      const runs = (count: number) => eventually(Effect.sync(() => running() === count))
      const settled = (count: number) =>
        eventually(Effect.map(Effect.all([completed(a), completed(b)]), ([ofA, ofB]) => ofA + ofB === count))
      yield* fill(a, 10)
      yield* fill(b, 10)
      const worker = yield* workerOf(work(queue, Echo, run, { concurrency: 2, queues: [a.name, b.name] }))
      yield* runs(2)

      yield* worker.setConcurrency(6)
      yield* runs(6)
      yield* worker.setConcurrency(3)
      const after: Array<number> = []
      for (let ended = 1; ended <= 3; ended++) {
        yield* endOne()
        yield* settled(ended)
        after.push(running())
      }
      yield* endOne()
      yield* settled(4)
      yield* runs(3)

      assert.deepStrictEqual(after, [5, 4, 3])
    })
  )

  it.effect("QUEUES-6 the limit of one queue is changed and lifted", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { endOne, reaches, run } = gated()
      yield* fill(a, 20)
      const worker = yield* workerOf(
        work(queue, Echo, run, {
          concurrency: 6,
          queues: Queues.weighted({ [a.name]: { concurrency: 1 }, [b.name]: 1 })
        })
      )
      yield* reaches({ a: 1 })

      yield* worker.setQueueConcurrency(a.name, 3)
      yield* reaches({ a: 3 })
      yield* worker.setQueueConcurrency(a.name, 2)
      yield* endOne()
      yield* eventually(Effect.map(completed(a), (count) => count === 1))
      yield* reaches({ a: 2 })
      const limited = yield* worker.queues
      yield* worker.setQueueConcurrency(a.name, undefined)
      yield* reaches({ a: 6 })
      const lifted = yield* worker.queues

      const idle = { name: b.name, weight: 1, running: 0 }
      assert.deepStrictEqual(limited, [{ name: a.name, weight: 1, concurrency: 2, running: 2 }, idle])
      assert.deepStrictEqual(lifted, [{ name: a.name, weight: 1, running: 6 }, idle])
    })
  )

  it.effect("QUEUES-6 jobs claimed beyond a lowered limit are released unrun", (queue) =>
    Effect.gen(function* () {
      const [a] = yield* siblings(queue, "a")
      const { reaches, run } = gated()
      const { answer, asked, store } = yield* slowStore(a)
      yield* fill(a, 3)
      const worker = yield* workerOf(
        Effect.provideService(work(queue, Echo, run, { concurrency: 3, queues: [a.name] }), JobStore, store)
      )
      yield* asked

      yield* worker.setConcurrency(1)
      yield* answer
      yield* eventually(Effect.map(a.depths, ({ active, pending }) => active === 1 && pending === 2))
      yield* reaches({ a: 1 })

      const released = yield* a.read("1")
      assert.deepInclude(released, { state: "pending", attempt: 0 })
    })
  )

  it.effect("QUEUES-7 a queue added while running is served at once, and woken", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { waiting, wakeups } = yield* countedWakeups
      yield* fill(b, 1)
      const worker = yield* workerOf(
        Effect.provideService(
          work(queue, Echo, () => Effect.succeed(""), { queues: [a.name] }),
          Wakeups,
          wakeups
        )
      )
      yield* waiting

      const added = yield* worker.addQueue(b.name, { weight: 3, concurrency: 2 })
      yield* eventually(Effect.map(completed(b), (count) => count === 1))
      yield* fill(b, 1, 1)
      yield* eventually(Effect.map(completed(b), (count) => count === 2))
      yield* fill(a, 1)
      yield* eventually(Effect.map(completed(a), (count) => count === 1))
      const again = yield* worker.addQueue(b.name)

      assert.deepStrictEqual([added, again], [true, false])
      assert.deepStrictEqual(yield* worker.queues, [
        { name: a.name, weight: 1, running: 0 },
        { name: b.name, weight: 3, concurrency: 2, running: 0 }
      ])
    })
  )

  it.effect("QUEUES-7 an added queue gets the share of its weight", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { all, run, starts } = yield* recorder(40)
      const worker = yield* workerOf(work(queue, Echo, run, { concurrency: 1, queues: [a.name] }))
      yield* worker.addQueue(b.name, { weight: 3 })
      yield* worker.addQueue(a.name)
      yield* Effect.all([fill(b, 60), fill(a, 60)], { concurrency: 2 })
      yield* all

      const from = Math.max(starts.indexOf("a"), starts.indexOf("b"))
      assert.strictEqual(countOf(starts.slice(from, from + 20), "b"), 15)
    })
  )

  it.effect("QUEUES-7 an added queue keeps its leases, sees its delayed jobs, and is drained", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { endOne, reaches, run } = gated()
      const scope = yield* Scope.make()
      const worker = yield* workerOf(
        work(queue, Echo, run, { lease: "6 seconds", drain: "1 hour", queues: [a.name] }).pipe(Scope.provide(scope))
      )
      yield* worker.addQueue(b.name)
      yield* b.enqueue(
        job("long", { kind: Echo.kind, payload: `{"text":""}`, retainMillis: 3_600_000 }),
        job("delayed", { kind: Echo.kind, payload: `{"text":""}`, visible: { inMillis: 40_000 } })
      )
      yield* reaches({ b: 1 })

      yield* advanceUntil(isIn(b, "delayed", "active"))
      yield* reaches({ b: 2 })
      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      const late = yield* worker.addQueue(a.name)
      yield* endOne()
      yield* endOne()
      yield* Fiber.join(stopping)

      assert.isFalse(late)
      assert.deepInclude(yield* b.read("long"), { state: "completed", attempt: 1, rescues: 0 })
      assert.strictEqual(yield* completed(b), 2)
    })
  )

  it.effect("QUEUES-7 QUEUES-8 an added queue keeps rate limits and lists its worker until it is removed", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { limits, listed } = yield* Effect.map(QueueControl, (control) => ({
        limits: control.rateLimits(b.name),
        listed: Effect.map(control.workers(b.name), (workers) => workers.map(({ id }) => id))
      }))
      const worker = yield* workerOf(
        work(queue, Echo, () => Effect.succeed(""), {
          queues: [a.name],
          rateLimits: { [Echo.kind]: { limit: 3, per: "1 minute" } }
        })
      )

      const before = yield* listed
      yield* worker.addQueue(b.name)
      yield* eventually(Effect.map(listed, (ids) => ids.length === 1))
      const during = yield* listed
      yield* worker.removeQueue(b.name)
      yield* eventually(Effect.map(listed, (ids) => ids.length === 0))

      assert.deepStrictEqual([before, during], [[], [worker.id]])
      assert.deepStrictEqual(yield* limits, { [Echo.kind]: { limit: 3, perMillis: 60_000, burst: 3 } })
    })
  )

  it.effect("QUEUES-8 of a removed queue running jobs are settled and no others start", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { endOne, reaches, run } = gated()
      yield* fill(b, 3)
      const worker = yield* workerOf(
        work(queue, Echo, run, {
          lease: "6 seconds",
          queues: Queues.weighted({ [a.name]: 1, [b.name]: { concurrency: 2 } })
        })
      )
      yield* reaches({ b: 2 })

      const removed = yield* worker.removeQueue(b.name)
      const again = yield* worker.removeQueue(b.name)
      const served = yield* worker.queues
      // its leases are kept until its jobs end
      yield* advanceUntil(
        Effect.map(b.read("0"), ({ leaseExpiresAt, startedAt }) => leaseExpiresAt! > startedAt! + 30_000)
      )
      yield* endOne()
      yield* endOne()
      yield* eventually(Effect.map(completed(b), (count) => count === 2))
      yield* fill(a, 1)
      yield* reaches({ a: 1, b: 0 })

      assert.deepStrictEqual([removed, again], [true, false])
      assert.deepStrictEqual(served, [{ name: a.name, weight: 1, running: 0 }])
      assert.deepInclude(yield* b.read("2"), { state: "pending", attempt: 0 })
    })
  )

  it.effect("QUEUES-8 jobs that a claim brings after the removal are released unrun", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { run, running } = gated()
      const { answer, asked, store } = yield* slowStore(b)
      yield* fill(b, 2)
      const worker = yield* workerOf(
        Effect.provideService(work(queue, Echo, run, { queues: [a.name, b.name] }), JobStore, store)
      )
      yield* asked

      yield* worker.removeQueue(b.name)
      yield* answer
      yield* eventually(Effect.map(b.depths, ({ pending }) => pending === 2))

      assert.strictEqual(running(), 0)
      assert.deepInclude(yield* b.read("0"), { attempt: 0 })
    })
  )

  it.effect("QUEUES-8 signals of a removed queue reach others, and it can be added again", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { closed, wakeups } = yield* countedWakeups
      const worker = yield* workerOf(
        Effect.provideService(
          work(queue, Echo, () => Effect.succeed(""), { queues: Queues.strict([a.name, b.name]) }),
          Wakeups,
          wakeups
        )
      )
      yield* fill(a, 1)
      yield* eventually(Effect.map(completed(a), (count) => count === 1))

      yield* worker.removeQueue(a.name)
      yield* fill(b, 1)
      yield* eventually(Effect.map(completed(b), (count) => count === 1))
      yield* eventually(Effect.sync(() => closed() === 1))
      const ear = yield* a.listen()
      const waiting = yield* Effect.forkChild(ear.wait(3_600_000), { startImmediately: true })
      yield* fill(a, 1, 1)
      yield* Fiber.join(waiting)
      yield* worker.addQueue(a.name)
      yield* eventually(Effect.map(completed(a), (count) => count === 2))

      assert.deepStrictEqual(yield* worker.queues, [
        { name: b.name, running: 0 },
        { name: a.name, running: 0 }
      ])
    })
  )

  it.effect("QUEUES-10 a worker does not start with a bad name, weight or limit", (queue) =>
    Effect.gen(function* () {
      const { name } = queue
      const refused = [
        ["queues", Queues.weighted({})],
        ["queues", Queues.strict([name, { name, concurrency: 1 }])],
        ["queue", ["no spaces"]],
        ["queue", Queues.strict([name, ""])],
        ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-9, 1e9, "6" as unknown as number].map(
          (weight) => ["weight", Queues.weighted({ [name]: weight })] as const
        ),
        ["weight", Queues.strict([{ name, weight: 1 } as { name: string }])],
        ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map(
          (concurrency) => ["concurrency", Queues.weighted({ [name]: { concurrency } })] as const
        ),
        ["concurrency", Queues.strict([{ name, concurrency: 0 }])]
      ] as const

      const failures = yield* Effect.forEach(refused, ([, queues]) =>
        Effect.flip(work(queue, Echo, () => Effect.succeed(""), { queues }))
      )

      assert.deepStrictEqual(
        failures.map((error) => (error._tag === "InvalidInput" ? error.field : error._tag)),
        refused.map(([field]) => field)
      )
    })
  )

  it.effect("QUEUES-10 a bad change is refused and changes nothing", (queue) =>
    Effect.gen(function* () {
      const { name, sibling } = queue
      const weighted = yield* workerOf(work(queue, Echo, () => Effect.succeed("")))
      const strict = yield* workerOf(work(queue, Echo, () => Effect.succeed(""), { queues: Queues.strict([name]) }))

      const failures = yield* Effect.forEach(
        [
          weighted.setConcurrency(0),
          weighted.setQueueConcurrency(name, 0.5),
          weighted.setQueueConcurrency(sibling.name, 1),
          weighted.addQueue("no spaces"),
          weighted.addQueue(sibling.name, { weight: 0 }),
          weighted.addQueue(sibling.name, { concurrency: -1 }),
          strict.addQueue(sibling.name, { weight: 1 })
        ],
        (change) => Effect.flip<boolean | void, InvalidInput | StoreError, never>(change)
      )

      assert.deepStrictEqual(
        failures.map((error) => (error._tag === "InvalidInput" ? error.field : error._tag)),
        ["concurrency", "concurrency", "queue", "queue", "weight", "concurrency", "weight"]
      )
      assert.deepStrictEqual(yield* weighted.queues, [{ name, weight: 1, running: 0 }])
      assert.deepStrictEqual(yield* strict.queues, [{ name, running: 0 }])
    })
  )
})
