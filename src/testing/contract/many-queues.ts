import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queues from "../../domain/Queues.ts"
import type { JobInfo } from "../../features/worker/Worker.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { StoreError } from "../../ports/StoreError.ts"
import { Wakeups } from "../../ports/Wakeups.ts"
import { contract } from "./contract.ts"
import { completed, countedWakeups, countOf, fill, gated, letterOf, recorder, siblings } from "./many-queues-support.ts"
import { job } from "./support.ts"
import { advanceUntil, Echo, eventually, work } from "./worker-support.ts"

export const manyQueuesContract = contract("many queues", (it) => {
  it.effect("QUEUES-1 one handler at a time follows the weights to the job", (queue) =>
    Effect.gen(function* () {
      const [a, b, c] = yield* siblings(queue, "a", "b", "c")
      const { all, run, starts } = yield* recorder(100)
      yield* fill(a, 61)
      yield* fill(b, 31)
      yield* fill(c, 11)

      yield* work(queue, Echo, run, {
        concurrency: 1,
        queues: Queues.weighted({ [c.name]: 1, [a.name]: 6, [b.name]: 3 })
      })
      yield* all

      for (let at = 0; at < 100; at += 10) {
        assert.strictEqual(
          starts
            .slice(at, at + 10)
            .toSorted()
            .join(""),
          "aaaaaabbbc"
        )
      }
      for (let count = 1; count <= 100; count++) {
        const started = starts.slice(0, count)
        assert.isAtMost(Math.abs(countOf(started, "a") - count * 0.6), 1)
        assert.isAtMost(Math.abs(countOf(started, "b") - count * 0.3), 1)
        assert.isAtMost(Math.abs(countOf(started, "c") - count * 0.1), 1)
      }
    })
  )

  it.effect("QUEUES-1 of the first 5000 starts every queue has its share", (queue) =>
    Effect.gen(function* () {
      const shares = { a: 3000, b: 1500, c: 500 }
      const queues = yield* siblings(queue, "a", "b", "c")
      const { all, run, starts } = yield* recorder(5000)
      for (const one of queues) yield* fill(one, 3334)
      const [a, b, c] = queues

      yield* work(queue, Echo, run, {
        concurrency: 50,
        queues: Queues.weighted({ [a.name]: 6, [b.name]: 3, [c.name]: 1 })
      })
      yield* all

      for (const [letter, share] of Object.entries(shares)) {
        assert.closeTo(countOf(starts.slice(0, 5000), letter), share, share * 0.05)
      }
    })
  )

  it.effect("QUEUES-2 a queue without jobs leaves its share to the others", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { reaches, run } = gated()
      yield* fill(a, 8)

      yield* work(queue, Echo, run, { concurrency: 8, queues: Queues.weighted({ [a.name]: 1, [b.name]: 9 }) })

      yield* reaches({ a: 8 })
    })
  )

  it.effect("QUEUES-2 a queue that was idle has saved nothing up", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { all, record, starts } = yield* recorder(80)
      const { heard, wakeups } = yield* countedWakeups
      yield* fill(a, 80)

      const run = (_: unknown, info: JobInfo) =>
        Effect.gen(function* () {
          record(info)
          if (starts.length !== 20) return ""
          yield* heard(fill(b, 15))
          return ""
        })
      yield* Effect.provideService(
        work(queue, Echo, run, { concurrency: 1, queues: [a.name, b.name] }),
        Wakeups,
        wakeups
      )
      yield* all

      const first = starts.indexOf("b")
      assert.isAbove(first, 0)
      const from = starts.slice(first, first + 28).join("")
      // while a claim is under way its queue has nothing here, and the other one may go twice
      assert.notInclude(from, "bbb")
      assert.closeTo(countOf([...from], "b"), 14, 1)
    })
  )

  for (const concurrency of [1, 4]) {
    it.effect(`QUEUES-3 strict order empties one queue after the other, by ${concurrency}`, (queue) =>
      Effect.gen(function* () {
        const queues = yield* siblings(queue, "a", "b", "c")
        const { all, run, starts } = yield* recorder(30)
        for (const one of queues) yield* fill(one, 10)

        yield* work(queue, Echo, run, { concurrency, queues: Queues.strict(queues.map(({ name }) => name)) })
        yield* all

        assert.strictEqual(starts.join(""), ["a", "b", "c"].map((letter) => letter.repeat(10)).join(""))
      })
    )
  }

  it.effect("QUEUES-3 a new job of an earlier queue goes before those that wait in later ones", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { all, record, starts } = yield* recorder(41)
      const { heard, wakeups } = yield* countedWakeups
      yield* fill(b, 40)

      const run = (_: unknown, info: JobInfo) =>
        Effect.gen(function* () {
          record(info)
          if (starts.length !== 5) return ""
          yield* heard(fill(a, 1))
          return ""
        })
      yield* Effect.provideService(
        work(queue, Echo, run, { concurrency: 1, queues: Queues.strict([a.name, b.name]) }),
        Wakeups,
        wakeups
      )
      yield* all

      // whoever was about to be asked when the signal came still had its turn
      assert.isAtMost(starts.indexOf("a"), 7)
    })
  )

  it.effect("QUEUES-3 QUEUES-4 an earlier queue at its own limit leaves room to later ones", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const { endOne, reaches, run, running } = gated()
      yield* fill(a, 4)
      yield* fill(b, 4)

      yield* work(queue, Echo, run, {
        concurrency: 3,
        queues: Queues.strict([{ name: a.name, concurrency: 1 }, b.name])
      })
      yield* reaches({ a: 1, b: 2 })
      yield* endOne("a")
      yield* eventually(Effect.map(completed(a), (count) => count === 1))
      yield* reaches({ a: 1, b: 2 })

      assert.strictEqual(running(), 3)
    })
  )

  it.effect("QUEUES-4 QUEUES-5 no limit is passed, and no slot is left free", (queue) =>
    Effect.gen(function* () {
      const [a, b, c] = yield* siblings(queue, "a", "b", "c")
      const { endOne, most, reaches, run, running } = gated()
      let mostOfA = 0
      for (const one of [a, b, c]) yield* fill(one, 12)

      yield* work(
        queue,
        Echo,
        (payload, info) => {
          const handler = run(payload, info)
          return Effect.andThen(
            Effect.sync(() => {
              if (letterOf(info) === "a") mostOfA = Math.max(mostOfA, running("a") + 1)
            }),
            handler
          )
        },
        {
          concurrency: 7,
          queues: Queues.weighted({ [a.name]: { weight: 8, concurrency: 2 }, [b.name]: 1, [c.name]: 1 })
        }
      )
      yield* reaches({ a: 2, b: 3, c: 2 })
      const left: Record<string, number> = { a: 12, b: 12, c: 12 }
      for (let all = 36; all > 0; all--) {
        const possible = Math.min(7, Math.min(2, left["a"]!) + left["b"]! + left["c"]!)
        yield* eventually(Effect.sync(() => running() === possible))
        left[yield* endOne()]!--
      }

      assert.deepStrictEqual([most(), mostOfA], [7, 2])
    })
  )

  it.effect("RUN-9 a job that becomes due sends only its own queue's lane looking", (queue) =>
    Effect.gen(function* () {
      const [a, b] = yield* siblings(queue, "a", "b")
      const store = yield* JobStore
      let looks = 0
      const counting = JobStore.of({
        ...store,
        exchange: (request) => {
          if (request.queue === a.name) looks++
          return store.exchange(request)
        }
      })
      yield* b.enqueue(
        ...Array.from({ length: 30 }, (_, i) =>
          job(String(i), { kind: Echo.kind, payload: `{"text":""}`, visible: { inMillis: 1000 * (i + 1) } })
        )
      )

      yield* Effect.provideService(
        work(queue, Echo, () => Effect.succeed(""), { queues: [a.name, b.name], poll: "1 hour", sweep: "1 hour" }),
        JobStore,
        counting
      )
      yield* advanceUntil(Effect.map(completed(b), (count) => count === 30))

      // it looks when the worker starts and for the signal of the enqueue
      assert.isAtMost(looks, 5)
    })
  )

  for (const [order, queues] of [
    ["weighted", (names: ReadonlyArray<string>) => names],
    ["strict", (names: ReadonlyArray<string>) => Queues.strict(names)]
  ] as const) {
    it.effect(`QUEUES-9 a queue that cannot be reached holds up no other, ${order}`, (queue) =>
      Effect.gen(function* () {
        const [a, b] = yield* siblings(queue, "a", "b")
        const store = yield* JobStore
        let cut = true
        const halfDeaf = JobStore.of({
          ...store,
          exchange: (request) =>
            Effect.suspend(() =>
              cut && request.queue === a.name
                ? Effect.fail(
                    new StoreError({ operation: "exchange", reason: "unavailable", retryable: true, cause: "cut" })
                  )
                : store.exchange(request)
            )
        })
        yield* fill(a, 5)
        yield* fill(b, 5)

        yield* Effect.provideService(
          work(queue, Echo, () => Effect.succeed(""), { concurrency: 1, queues: queues([a.name, b.name]) }),
          JobStore,
          halfDeaf
        )
        yield* eventually(Effect.map(completed(b), (count) => count === 5))
        const during = yield* completed(a)
        cut = false
        yield* advanceUntil(Effect.map(completed(a), (count) => count === 5))

        assert.strictEqual(during, 0)
      })
    )
  }
})
