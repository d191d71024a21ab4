import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Queues from "../../../src/domain/Queues.ts"
import { type JobInfo, Worker } from "../../../src/features/worker/Worker.ts"
import { JobStore } from "../../../src/ports/JobStore.ts"
import { StoreError } from "../../../src/ports/StoreError.ts"
import { Wakeups } from "../../../src/ports/Wakeups.ts"
import { contract } from "./contract.ts"
import { job } from "./support.ts"
import { makeQueue, type TestQueue } from "./TestQueue.ts"
import { advanceUntil, Echo, eventually, isIn, work } from "./worker-support.ts"

/** Queues of one test, named by letters. */
const siblings = <const Letters extends ReadonlyArray<string>>(queue: TestQueue, ...letters: Letters) =>
  Effect.forEach(letters, (letter) => makeQueue(`${queue.name}.${letter}`)) as Effect.Effect<
    { readonly [K in keyof Letters]: TestQueue },
    never,
    Effect.Services<ReturnType<typeof makeQueue>>
  >

const letterOf = (info: JobInfo): string => info.queue.at(-1)!

const echo = (id: string) => job(id, { kind: Echo.kind, payload: `{"text":"${id}"}` })

/** Past `TestQueue`, whose counts do not agree while a worker runs. */
const fill = (queue: TestQueue, count: number, from = 0) =>
  JobStore.use((store) =>
    store.enqueue(
      queue.name,
      Array.from({ length: count }, (_, i) => echo(`${from + i}`))
    )
  )

/** The letters of the queues in the order in which their jobs were started, up to a count. */
const recorder = Effect.fnUntraced(function* (count: number) {
  const starts: Array<string> = []
  const all = yield* Deferred.make<void>()
  const record = (info: JobInfo) => {
    starts.push(letterOf(info))
    if (starts.length === count) Deferred.doneUnsafe(all, Effect.void)
  }
  return {
    starts,
    record,
    all: Deferred.await(all),
    run: (_: unknown, info: JobInfo) => Effect.sync(() => (record(info), ""))
  }
})

const countOf = (starts: ReadonlyArray<string>, letter: string): number =>
  starts.filter((other) => other === letter).length

/** A handler that runs until it is told to end, and what runs of it. */
const gated = () => {
  const gates: Array<{ readonly letter: string; readonly gate: Deferred.Deferred<string> }> = []
  let most = 0
  const running = (letter?: string) => gates.filter((one) => letter === undefined || one.letter === letter).length
  return {
    running,
    most: () => most,
    run: (_: unknown, info: JobInfo) =>
      Effect.suspend(() => {
        const one = { letter: letterOf(info), gate: Deferred.makeUnsafe<string>() }
        gates.push(one)
        most = Math.max(most, gates.length)
        return Deferred.await(one.gate)
      }),
    /** Ends the handler that has run longest. */
    endOne: (letter?: string) =>
      Effect.suspend(() => {
        const at = gates.findIndex((one) => letter === undefined || one.letter === letter)
        const [one] = gates.splice(at, 1)
        return Effect.as(Deferred.succeed(one!.gate, ""), one!.letter)
      }),
    reaches: (counts: Readonly<Record<string, number>>) =>
      eventually(Effect.sync(() => Object.entries(counts).every(([letter, count]) => running(letter) === count)))
  }
}

const workerOf = <E, R>(built: Effect.Effect<Context.Context<Worker>, E, R>) =>
  Effect.map(built, (services) => Context.get(services, Worker))

/** The store, with exchanges of one queue that bring jobs answered only when they may be. */
const slowStore = Effect.fnUntraced(function* (slow: TestQueue) {
  const store = yield* JobStore
  const asked = yield* Deferred.make<void>()
  const answer = yield* Deferred.make<void>()
  return {
    asked: Deferred.await(asked),
    answer: Deferred.succeed(answer, undefined),
    store: JobStore.of({
      ...store,
      exchange: (request) =>
        Effect.tap(store.exchange(request), ({ claimed }) =>
          request.queue === slow.name && claimed.length > 0
            ? Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(answer))
            : Effect.void
        )
    })
  }
})

/** Wake-ups that count how many waits have ended. */
const countedWakeups = Effect.map(Wakeups, (wakeups) => {
  let ended = 0
  return {
    ended: () => ended,
    wakeups: Wakeups.of({
      subscribe: (queues) =>
        Effect.map(wakeups.subscribe(queues), ({ wait }) => ({
          wait: (millis) => Effect.tap(wait(millis), () => Effect.sync(() => ended++))
        }))
    })
  }
})

const completed = (queue: TestQueue) => Effect.map(queue.counters, ({ completed }) => completed)

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
      const { ended, wakeups } = yield* countedWakeups
      yield* fill(a, 80)

      const run = (_: unknown, info: JobInfo) =>
        Effect.gen(function* () {
          record(info)
          if (starts.length !== 20) return ""
          const before = ended()
          yield* fill(b, 15)
          yield* eventually(Effect.sync(() => ended() > before))
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
      assert.strictEqual(starts.slice(first, first + 28).join(""), "ba".repeat(14))
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
      const { ended, wakeups } = yield* countedWakeups
      yield* fill(b, 40)

      const run = (_: unknown, info: JobInfo) =>
        Effect.gen(function* () {
          record(info)
          if (starts.length !== 5) return ""
          const before = ended()
          yield* fill(a, 1)
          yield* eventually(Effect.sync(() => ended() > before))
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
      yield* fill(b, 1)
      const worker = yield* workerOf(work(queue, Echo, () => Effect.succeed(""), { queues: [a.name] }))

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
      const { ended, wakeups } = yield* countedWakeups
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
      // once it hears of the other queue again, it does not hear of the first
      const before = ended()
      yield* fill(b, 1)
      yield* eventually(Effect.map(completed(b), (count) => count === 1))
      yield* eventually(Effect.sync(() => ended() > before))
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
        (change) => Effect.flip<boolean | void, { readonly field: string }, never>(change)
      )

      assert.deepStrictEqual(
        failures.map(({ field }) => field),
        ["concurrency", "concurrency", "queue", "queue", "weight", "concurrency", "weight"]
      )
      assert.deepStrictEqual(yield* weighted.queues, [{ name, weight: 1, running: 0 }])
      assert.deepStrictEqual(yield* strict.queues, [{ name, running: 0 }])
    })
  )
})
