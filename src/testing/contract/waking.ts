import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { ExchangeReply } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { type Wakeup, Wakeups } from "../../ports/Wakeups.ts"
import { contract } from "./contract.ts"
import { bury, ids, job, release, retry } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

const hour = 60 * 60 * 1000

const startWait = (wakeup: Wakeup, millis = hour) => Effect.forkChild(wakeup.wait(millis), { startImmediately: true })

/** Waits while something is done, until that wakes the wait. Time stands still: only a signal can. */
const wokenBy = Effect.fnUntraced(function* <A, E, R>(wakeup: Wakeup, act: Effect.Effect<A, E, R>, millis = hour) {
  const waiting = yield* startWait(wakeup, millis)
  yield* act
  return Exit.isSuccess(yield* Fiber.await(waiting))
})

/** A listener of a queue with one visible job, whose signal it has heard. */
const listenToOne = Effect.fnUntraced(function* (queue: TestQueue, ...others: ReadonlyArray<string>) {
  const wakeup = yield* queue.listen(...others)
  yield* wokenBy(wakeup, queue.enqueue(job("a", { maxAttempts: 9 })))
  return wakeup
})

export const wakingContract = contract("waking", (it) => {
  it.effect("WAKE-1 an enqueue wakes a waiting worker", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen()

      const woken = yield* wokenBy(wakeup, queue.enqueue(job("a")))

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-1 every enqueue into an emptied queue wakes again", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen()

      const claimed = yield* Effect.forEach(["a", "b", "c"], (id) =>
        Effect.andThen(wokenBy(wakeup, queue.enqueue(job(id))), queue.claim())
      )

      assert.deepStrictEqual(claimed.map(ids), [["a"], ["b"], ["c"]])
    })
  )

  it.effect("WAKE-1 a release wakes a waiting worker", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* listenToOne(queue)
      const held = yield* queue.claimOne()

      const woken = yield* wokenBy(wakeup, queue.settle(release(held)))

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-1 a job that is told to run now wakes a waiting worker", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen()
      yield* queue.enqueue(job("a", { visible: { inMillis: hour } }))

      const woken = yield* wokenBy(wakeup, queue.runNow("a"))

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-1 a redrive wakes a waiting worker", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* listenToOne(queue)
      yield* queue.settle(bury(yield* queue.claimOne()))

      const woken = yield* wokenBy(wakeup, queue.redrive({ oldest: 1 }))

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-1 a promotion wakes a waiting worker", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* listenToOne(queue)
      yield* queue.settle(release(yield* queue.claimOne(), 1000))
      yield* TestClock.adjust(1000)

      const woken = yield* wokenBy(wakeup, queue.promote(1))

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-1 a rescue wakes a waiting worker", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* listenToOne(queue)
      yield* queue.claimOne({ leaseMillis: 1000 })
      yield* TestClock.adjust(1000)

      const woken = yield* wokenBy(wakeup, queue.rescue(1))

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-1 a resume wakes a waiting worker", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* listenToOne(queue)
      yield* queue.pause

      const woken = yield* wokenBy(wakeup, queue.resume)

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-1 a worker of several queues is woken by each", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen(queue.sibling.name)

      const bySibling = yield* wokenBy(wakeup, queue.sibling.enqueue(job("a")))
      const byFirst = yield* wokenBy(wakeup, queue.enqueue(job("a")))

      assert.deepStrictEqual([bySibling, byFirst], [true, true])
    })
  )

  it.effect("WAKE-1 a wait that ended keeps no signal from another worker", (queue) =>
    Effect.gen(function* () {
      const first = yield* queue.listen()
      const second = yield* queue.listen()
      const ended = yield* startWait(first, 1000)
      yield* TestClock.adjust(1000)
      yield* Fiber.join(ended)

      const woken = yield* wokenBy(second, queue.enqueue(job("a")))

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-1 a worker that left keeps no signal from another", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const waiting = yield* startWait(yield* queue.listen())
          yield* Fiber.interrupt(waiting)
        })
      )

      const woken = yield* wokenBy(wakeup, queue.enqueue(job("a")))

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-1 a worker that leaves just before a signal takes none with it", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen()
      let woken = 0

      for (let round = 1; round <= 20; round++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const leaving = yield* queue.listen()
            assert.isTrue(yield* wokenBy(leaving, queue.enqueue(job(`first-${round}`))))
            const waiting = yield* startWait(leaving)
            yield* Fiber.interrupt(waiting)
          })
        )
        if (yield* wokenBy(wakeup, queue.enqueue(job(`second-${round}`)))) woken++
      }

      assert.strictEqual(woken, 20)
    })
  )

  it.effect("WAKE-2 a wait ends by itself when its time is over", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen()
      const start = yield* Clock.currentTimeMillis
      const ends: Array<number> = []

      for (let i = 0; i < 3; i++) {
        const waiting = yield* startWait(wakeup, 1000)
        yield* TestClock.adjust(1000)
        yield* Fiber.join(waiting)
        ends.push((yield* Clock.currentTimeMillis) - start)
      }

      assert.deepStrictEqual(ends, [1000, 2000, 3000])
    })
  )

  it.effect("WAKE-2 a wait of no time ends at once", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen()

      const ended = yield* wokenBy(wakeup, Effect.void, 0)

      assert.isTrue(ended)
    })
  )

  it.effect("WAKE-3 a signal given while nobody waits ends the next wait", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen()
      yield* queue.enqueue(job("a"))

      const woken = yield* wokenBy(wakeup, Effect.void)

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-3 a signal given before anybody listened ends the first wait", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(job("a"))
      const wakeup = yield* queue.listen()

      const woken = yield* wokenBy(wakeup, Effect.void)

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-3 a signal given after a wait ended ends the next wait", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen()
      const ended = yield* startWait(wakeup, 1000)
      yield* TestClock.adjust(1000)
      yield* Fiber.join(ended)
      yield* queue.enqueue(job("a"))

      const woken = yield* wokenBy(wakeup, Effect.void)

      assert.isTrue(woken)
    })
  )

  it.effect("WAKE-4 a claim that leaves jobs behind wakes another waiting worker", (queue) =>
    Effect.gen(function* () {
      const waits = [yield* startWait(yield* queue.listen()), yield* startWait(yield* queue.listen())]
      yield* queue.enqueue(job("a"), job("b"))
      yield* Effect.raceFirst(Fiber.await(waits[0]!), Fiber.await(waits[1]!))

      yield* queue.claimOne()
      const woken = yield* Effect.forEach(waits, Fiber.await)

      assert.isTrue(woken.every(Exit.isSuccess))
    })
  )

  it.effect("WAKE-5 a delayed job due before all others wakes a waiting worker", (queue) =>
    Effect.gen(function* () {
      const wakeup = yield* queue.listen()

      const woken = yield* Effect.forEach([3000, 2000, 1000], (inMillis) =>
        wokenBy(wakeup, queue.enqueue(job(`in-${inMillis}`, { visible: { inMillis } })))
      )

      assert.deepStrictEqual(woken, [true, true, true])
    })
  )

  it.effect("WAKE-6 whether or not a claim was carried out with a wait, its number brings its jobs", (queue) =>
    Effect.gen(function* () {
      const wakeups = yield* Wakeups
      const request = {
        queue: queue.name,
        worker: "w",
        settlements: [],
        claim: { number: 1, limit: 5, leaseMillis: 60_000 }
      }
      const answers: Array<ExchangeReply> = []
      const wakeup = yield* wakeups.subscribe([queue.name], {
        claim: () => ({ request, forMillis: 10_000 }),
        claimNow: () => undefined,
        take: (_, reply) => answers.push(reply) > 0,
        lose: () => undefined,
        forgo: () => undefined
      })

      const waiting = yield* startWait(wakeup, 1000)
      yield* queue.enqueue(job("a"))
      yield* TestClock.adjust(1000)
      yield* Fiber.join(waiting)
      const { claimed } = yield* queue.exchange(request)

      assert.deepStrictEqual(ids(claimed), ["a"])
      assert.isAtMost(answers.length, 1)
      assert.deepStrictEqual(yield* queue.claim({ worker: "w", number: 2 }), [])
    })
  )

  it.effect("WAKE-8 a worker that leaves wakes another one when jobs wait, visible or not", (queue) =>
    Effect.gen(function* () {
      const control = yield* QueueControl
      const wakeup = yield* queue.listen()
      const leaves = control.removeWorker(queue.name, "gone")
      yield* startWait(wakeup, 1)
      const idle = yield* startWait(wakeup, 1000)
      yield* leaves
      yield* TestClock.adjust(999)
      const quiet = idle.pollUnsafe() === undefined
      yield* TestClock.adjust(1)
      yield* Fiber.await(idle)

      yield* wokenBy(wakeup, queue.enqueue(job("later", { visible: { inMillis: 60_000 } })))
      const delayed = yield* wokenBy(wakeup, leaves)
      yield* queue.runNow("later")
      yield* queue.settle(retry(yield* queue.claimOne(), 60_000))
      const retrying = yield* wokenBy(wakeup, leaves)

      assert.deepStrictEqual([quiet, delayed, retrying], [true, true, true])
    })
  )

  it.effect("WAKE-9 what one wait has heard can be passed on to another", (queue) =>
    Effect.gen(function* () {
      const first = yield* queue.listen()
      yield* wokenBy(first, queue.enqueue(job("a")))
      const second = yield* queue.listen()

      const woken = yield* wokenBy(second, first.pass)

      assert.isTrue(woken)
    })
  )
})
