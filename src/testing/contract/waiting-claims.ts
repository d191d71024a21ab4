import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { JobStore } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { type ClaimingAlong, claimingAlong } from "./claiming-along.ts"
import { contract } from "./contract.ts"
import { completed, fill, gated, siblings, workerOf } from "./many-queues-support.ts"
import type { TestQueue } from "./TestQueue.ts"
import { advanceUntil, Echo, eventually, isIn, work } from "./worker-support.ts"

const serve = (
  { layer }: ClaimingAlong,
  queue: TestQueue,
  run: Parameters<typeof work<typeof Echo, never>>[2],
  options: Parameters<typeof work<typeof Echo, never>>[3] = {}
) => Effect.provide(work(queue, Echo, run, options), layer)

const done = (queue: TestQueue) => Effect.map(completed(queue), (count) => count === 1)

const counted = () => {
  let runs = 0
  return {
    runs: () => runs,
    run: () =>
      Effect.sync(() => {
        runs++
        return ""
      })
  }
}

export const waitingClaimsContract = contract("claims that wait", (it) => {
  it.effect("RUN-18 a signal brings the jobs themselves", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      yield* serve(backend, queue, () => Effect.succeed(""))
      const claim = yield* backend.waiting
      const before = backend.claims.length
      yield* fill(queue, 1)

      assert.isTrue(yield* backend.deliver(claim, yield* backend.carryOut(claim)))
      yield* eventually(done(queue))
      const next = yield* backend.waiting

      assert.lengthOf(backend.claims, before)
      assert.isAbove(next.request.claim!.number, claim.request.claim!.number)
      assert.isAtMost(next.forMillis, 5000)
    })
  )

  it.effect("RUN-18 an answer that is lost is asked for again", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const { run, runs } = counted()
      yield* serve(backend, queue, run)
      const claim = yield* backend.waiting
      yield* fill(queue, 1)

      const { claimed } = yield* backend.carryOut(claim)
      yield* backend.lose
      yield* eventually(done(queue))

      assert.deepStrictEqual([claimed.length, runs(), (yield* queue.counters).rescued], [1, 1, 0])
      assert.include(
        backend.claims.map(({ number }) => number),
        claim.request.claim!.number
      )
    })
  )

  it.effect("RUN-18 an answer that comes when it was asked for again starts nothing", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const { endOne, run, running } = gated()
      yield* serve(backend, queue, run)
      const claim = yield* backend.waiting
      yield* fill(queue, 1)
      const reply = yield* backend.carryOut(claim)

      yield* TestClock.adjust("5 seconds")
      yield* eventually(Effect.sync(() => running() === 1))
      const isNew = yield* backend.deliver(claim, reply)
      const runningThen = running()
      yield* endOne()
      yield* advanceUntil(done(queue))

      assert.deepStrictEqual([isNew, runningThen, (yield* queue.counters).completed], [false, 1, 1])
    })
  )

  it.effect("RUN-18 RUN-8 jobs for which there is no room any more are released", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const { run, running } = gated()
      const worker = yield* workerOf(serve(backend, queue, run, { concurrency: 3 }))
      const claim = yield* backend.waiting
      yield* fill(queue, 3)
      const reply = yield* backend.carryOut(claim)

      yield* worker.setConcurrency(1)
      yield* backend.deliver(claim, reply)
      yield* eventually(Effect.map(queue.depths, ({ active, pending }) => active === 1 && pending === 2))

      assert.deepStrictEqual([reply.claimed.length, running()], [3, 1])
    })
  )

  it.effect("RUN-18 RUN-8 an answer that comes while it is asked for again needs no room twice", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const { endOne, run, running } = gated()
      yield* serve(backend, queue, run, { concurrency: 3, poll: "1 second" })
      const claim = yield* backend.waiting
      yield* fill(queue, 3)
      const reply = yield* backend.carryOut(claim)
      const before = backend.claims.length

      yield* backend.hold
      yield* TestClock.adjust("1 second")
      yield* eventually(Effect.sync(() => backend.claims.length > before))
      yield* backend.deliver(claim, reply)
      const runningThen = running()
      yield* backend.letGo
      yield* endOne()
      yield* eventually(done(queue))

      assert.deepStrictEqual([runningThen, running()], [3, 2])
      assert.deepInclude(yield* queue.depths, { active: 2, pending: 0 })
    })
  )

  it.effect("RUN-7 RUN-18 an answer that comes when its leases are over starts nothing", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const { run, runs } = counted()
      yield* serve(backend, queue, run, { poll: "1 hour", sweep: "1 hour" })
      const claim = yield* backend.waiting
      yield* fill(queue, 1)
      const reply = yield* backend.carryOut(claim)

      yield* TestClock.adjust("30 seconds")
      yield* backend.deliver(claim, reply)
      yield* advanceUntil(done(queue))

      // the job was given back, and the worker claimed it by itself
      assert.isAbove(backend.claims.at(-1)!.number, claim.request.claim!.number)
      assert.strictEqual(runs(), 1)
    })
  )

  it.effect("RUN-7 RUN-18 jobs that were asked for again are trusted since the claim was first made", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      let interruptedAt: number | undefined
      const run = () =>
        Effect.onInterrupt(Effect.never, () =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            interruptedAt = now
          })
        )
      const start = yield* Clock.currentTimeMillis
      yield* serve(backend, queue, run)
      const claim = yield* backend.waiting
      yield* fill(queue, 1)
      yield* backend.carryOut(claim)

      // from now on no extension is answered
      yield* backend.silence
      yield* TestClock.adjust("5 seconds")
      yield* eventually(Effect.map(queue.depths, ({ active }) => active === 1))
      yield* advanceUntil(Effect.map(queue.depths, () => interruptedAt !== undefined))

      assert.isAtMost(interruptedAt! - start, 30_000)
    })
  )

  it.effect("STOP-1 RUN-18 a worker that stops holds nothing that its claim brought", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const scope = yield* Scope.make()
      yield* Scope.provide(
        serve(backend, queue, () => Effect.succeed("")),
        scope
      )
      const claim = yield* backend.waiting
      yield* fill(queue, 1)
      const { claimed } = yield* backend.carryOut(claim)

      yield* Scope.close(scope, Exit.void)

      assert.lengthOf(claimed, 1)
      assert.deepInclude(yield* queue.read("0"), { state: "pending", attempt: 0 })
    })
  )

  for (const isBefore of [true, false]) {
    const when = isBefore ? "before" : "after"
    it.effect(
      `QUEUES-8 RUN-18 of a removed queue nothing is held that its claim brought ${when} the removal`,
      (queue) =>
        Effect.gen(function* () {
          const backend = yield* claimingAlong
          const { run, runs } = counted()
          const worker = yield* workerOf(serve(backend, queue, run))
          const claim = yield* backend.waiting
          yield* fill(queue, 1)
          if (isBefore) yield* backend.carryOut(claim)
          yield* worker.removeQueue(queue.name)
          // once it is not listed it has settled everything
          const control = yield* QueueControl
          yield* eventually(Effect.map(control.workers(queue.name), (workers) => workers.length === 0))
          if (!isBefore) yield* backend.deliver(claim, yield* backend.carryOut(claim))

          yield* eventually(isIn(queue, "0", "pending"))

          assert.strictEqual(runs(), 0)
          assert.deepInclude(yield* queue.read("0"), { attempt: 0 })
        })
    )
  }

  it.effect("RUN-18 a queue that is added takes what the claim brought to the others", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const [a, b] = yield* siblings(queue, "a", "b")
      const worker = yield* workerOf(serve(backend, a, () => Effect.succeed(""), { queues: [a.name] }))
      const claim = yield* backend.waiting
      yield* fill(a, 1)
      yield* backend.carryOut(claim)

      yield* worker.addQueue(b.name)
      yield* eventually(done(a))

      assert.strictEqual((yield* a.counters).rescued, 0)
    })
  )

  it.effect("RUN-18 WAKE-7 an enqueue of the same process brings its jobs, and the worker waits on", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const store = yield* JobStore
      const { run, runs } = counted()
      yield* serve(backend, queue, run)
      const claim = yield* backend.waiting
      const before = backend.claims.length
      const numbers: Array<number | undefined> = []
      for (const n of [0, 1]) {
        const request = yield* backend.along
        numbers.push(request.claim?.number)
        yield* fill(queue, 1, n)
        assert.isTrue(yield* backend.bring(request, yield* store.exchange(request)))
        yield* eventually(Effect.map(completed(queue), (count) => count === n + 1))
      }

      // the first was the claim that waited, and each was asked for once
      const first = claim.request.claim!.number
      assert.deepStrictEqual([numbers, runs(), backend.claims.length], [[first, first + 1], 2, before])
      // the wait has nothing to bring any more, but its signal is heard
      yield* fill(queue, 1, 2)
      yield* backend.signal
      yield* eventually(Effect.map(completed(queue), (count) => count === 3))
    })
  )

  it.effect("RUN-18 WAKE-7 a claim that an enqueue did not carry out is dropped, unless it waits", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const store = yield* JobStore
      yield* serve(backend, queue, () => Effect.succeed(""))
      const claim = yield* backend.waiting
      const waiting = yield* backend.along
      yield* backend.forgo(waiting)
      const again = yield* backend.along
      yield* fill(queue, 1)
      yield* backend.bring(again, yield* store.exchange(again))
      yield* eventually(done(queue))
      const next = yield* backend.along

      yield* backend.forgo(next)
      const last = yield* backend.along

      const first = claim.request.claim!.number
      assert.deepStrictEqual(
        [waiting, again, next, last].map((request) => request.claim!.number),
        [first, first, first + 1, first + 2]
      )
    })
  )

  it.effect("RUN-18 WAKE-7 jobs of a kind without a handler are left to others", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      yield* serve(backend, queue, () => Effect.succeed(""))
      yield* backend.waiting

      assert.isUndefined(yield* backend.nowOf("contract.other"))
      assert.isDefined(yield* backend.now)
    })
  )

  it.effect("RUN-18 WAKE-7 what an enqueue may have brought is asked for again", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const store = yield* JobStore
      const { run, runs } = counted()
      yield* serve(backend, queue, run)
      yield* backend.waiting
      const request = yield* backend.along
      yield* fill(queue, 1)
      const reply = yield* store.exchange(request)

      yield* backend.mislay(request)
      yield* eventually(done(queue))
      const isNew = yield* backend.bring(request, reply)

      assert.deepStrictEqual([reply.claimed.length, runs(), isNew], [1, 1, false])
      assert.strictEqual((yield* queue.counters).rescued, 0)
    })
  )

  it.effect(
    "RUN-18 WAKE-7 nothing is claimed along with an enqueue without room, or by a worker that asks or stops",
    (queue) =>
      Effect.gen(function* () {
        const backend = yield* claimingAlong
        const store = yield* JobStore
        const { endOne, run } = gated()
        const scope = yield* Scope.make()
        yield* Scope.provide(serve(backend, queue, run, { concurrency: 1, prefetch: 0 }), scope)
        yield* backend.waiting
        const before = backend.claims.length
        yield* backend.hold
        yield* TestClock.adjust("5 seconds")
        yield* eventually(Effect.sync(() => backend.claims.length > before))
        const asking = yield* backend.now
        yield* backend.letGo

        const request = yield* backend.along
        yield* fill(queue, 1)
        yield* backend.bring(request, yield* store.exchange(request))
        const busy = yield* backend.now
        yield* endOne()
        yield* eventually(done(queue))
        yield* Scope.close(scope, Exit.void)
        const stopped = yield* backend.now

        assert.deepStrictEqual([busy, asking, stopped], [undefined, undefined, undefined])
      })
  )

  it.effect(
    "RUN-18 nothing is claimed along by a worker of several queues, or with a lease of less than four seconds",
    (queue) =>
      Effect.gen(function* () {
        const [several, short] = [yield* claimingAlong, yield* claimingAlong]
        const [a, b] = yield* siblings(queue, "a", "b")
        yield* serve(several, a, () => Effect.succeed(""), { queues: [a.name, b.name] })
        yield* serve(short, queue, () => Effect.succeed(""), { lease: "3 seconds" })
        yield* fill(a, 1)
        yield* fill(queue, 1)
        yield* advanceUntil(done(a))
        yield* advanceUntil(done(queue))

        assert.deepStrictEqual([yield* several.hasNone, yield* short.hasNone], [true, true])
      })
  )
})
