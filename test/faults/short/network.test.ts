import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { QueueControl } from "winterq"
import { scripts } from "../../../src/backends/redis/scripts/index.ts"
import { freshRedis } from "../../support/fresh-redis.ts"
import { respProxy, runs } from "../../support/RespProxy.ts"
import { producerOn, timed, until, workerOn } from "../../support/Station.ts"
import { audit } from "../support/audit.ts"
import { settles } from "../support/settlements.ts"

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

/** A server, a proxy in front of it, and a worker and a producer that go through it. */
const place = Effect.fnUntraced(function* (
  worker: Parameters<typeof workerOn>[1] = {},
  timeout: `${number} millis` = "5000 millis"
) {
  const server = yield* freshRedis()
  const proxy = yield* respProxy(server.port)
  const producer = yield* producerOn({ url: proxy.url, timeout })
  const working = yield* workerOn({ url: proxy.url, timeout }, { poll: "300 millis", sweep: "300 millis", ...worker })
  return {
    server,
    proxy,
    producer,
    worker: working,
    counters: Effect.provideContext(
      QueueControl.use((control) => control.counters("say")),
      producer.ports
    ),
    sound: Effect.promise(async () => {
      assert.deepStrictEqual((await audit(server.port, "winterq", "say")).problems, [])
    })
  }
})

const saidAll = (said: ReadonlyArray<number>, count: number) =>
  until(`all ${count} jobs have run`, () => new Set(said).size === count, 20_000)

describe("a network that breaks", () => {
  it.live("F40 resets under load: every call succeeds, every job runs once", () =>
    Effect.gen(function* () {
      const { counters, producer, proxy, sound, worker } = yield* place()
      const load = yield* Effect.forkChild(
        Effect.forEach(numbers(300), (n) => producer.say(n, { id: `job-${n}` }), { concurrency: 5 })
      )

      for (let cuts = 0; cuts < 8; cuts++) {
        yield* Effect.sleep("40 millis")
        proxy.cutAll()
      }
      yield* Fiber.join(load)
      yield* saidAll(worker.said, 300)

      assert.lengthOf(worker.said, 300)
      assert.strictEqual((yield* counters).rescued, 0)
      yield* sound
    }).pipe(Effect.scoped)
  )

  it.live("F41 everything goes silent for longer than the timeout: found out, and over", () =>
    Effect.gen(function* () {
      const { producer, proxy, sound, worker } = yield* place({}, "1000 millis")
      yield* producer.say(1, { id: "first" })
      yield* until("the first job has run", () => worker.said.length === 1)
      proxy.frozen = true

      const [error, millis] = yield* timed(Effect.flip(producer.say(2, { id: "second" })))
      yield* Effect.sleep("500 millis")
      proxy.frozen = false
      const [, recovery] = yield* timed(
        Effect.andThen(
          Effect.retry(producer.say(3, { id: "third" }), { times: 20 }),
          until("a job runs", () => worker.said.includes(3))
        )
      )

      assert.strictEqual(error._tag, "StoreError")
      assert.isBelow(millis, 3000)
      assert.isBelow(recovery, 4000)
      yield* sound
    }).pipe(Effect.scoped)
  )

  it.live("F42 the reply to every fifth call is lost: every job runs once", () =>
    Effect.gen(function* () {
      const { counters, producer, proxy, sound, worker } = yield* place()
      let calls = 0
      proxy.when({
        matches: ({ script }) => script !== undefined,
        times: Infinity,
        reply: () => (++calls % 5 === 0 ? "cut" : "pass")
      })

      yield* Effect.forEach(numbers(60), (n) => producer.say(n, { id: `job-${n}` }), { concurrency: 3 })
      yield* saidAll(worker.said, 60)

      assert.lengthOf(worker.said, 60)
      assert.strictEqual((yield* counters).rescued, 0)
      yield* sound
    }).pipe(Effect.scoped)
  )

  it.live("F43 a request is lost and a later one arrives first: both are stored", () =>
    Effect.gen(function* () {
      const { producer, proxy, sound, worker } = yield* place()
      yield* producer.say(0)
      let later: Fiber.Fiber<unknown, unknown> | undefined
      proxy.when({ matches: runs("enqueue"), request: () => "cut" })
      // as soon as there is a connection again
      proxy.when({
        matches: ({ args, name }) => name === "GET" && args[0]!.endsWith(":format"),
        request: () => {
          later ??= Effect.runFork(producer.say(2))
          return "pass" as const
        }
      })

      yield* producer.say(1)
      yield* Fiber.join(later!)
      yield* saidAll(worker.said, 3)

      assert.lengthOf(worker.said, 3)
      yield* sound
    }).pipe(Effect.scoped)
  )

  it.live("F44 a settlement arrives after the client gave up and sent it again: one effect", () =>
    Effect.gen(function* () {
      const { counters, producer, proxy, server, sound, worker } = yield* place({ lease: "10 seconds" }, "1000 millis")
      let arrive = () => {}
      const held = new Promise<void>((resolve) => {
        arrive = resolve
      })
      let answered = false
      proxy.when({
        matches: settles,
        request: () => held.then(() => "pass" as const),
        reply: () => {
          answered = true
          return "pass" as const
        }
      })
      yield* producer.say(1, { id: "a" })
      yield* until("the job has run", () => worker.said.length === 1)
      yield* Effect.repeat(producer.store.get("say", "a"), { until: ({ _tag }) => _tag === "None" })
      yield* producer.say(2, { id: "a" })
      yield* until("another job with its id has run", () => worker.said.length === 2)

      arrive()
      yield* until("the late one was answered", () => answered)

      const after = yield* Effect.repeat(counters, { until: ({ completed }) => completed >= 2 })
      assert.deepInclude(after, { enqueued: 2, claimed: 2, completed: 2 })
      assert.isAbove(server.port, 0)
      yield* sound
    }).pipe(Effect.scoped)
  )

  for (const fate of ["cut", "mute"] as const) {
    const how = fate === "cut" ? "with its connection" : "on a connection that goes silent"
    it.live(
      `F42 the answer to a claim that waits is lost ${how}: its job runs once, long before its lease is over`,
      () =>
        Effect.gen(function* () {
          const { counters, producer, proxy, sound, worker } = yield* place({ poll: "2 seconds", sweep: "1 minute" })
          yield* producer.say(1, { id: "first" })
          yield* until("the first job has run", () => worker.said.length === 1)
          const ears = new Set<number>()
          let lost = 0
          proxy.when({
            matches: ({ connection, name }) => name === "BZPOPMIN" && ears.add(connection) && false
          })
          proxy.when({
            matches: (call) => call.script === "exchange" && ears.has(call.connection),
            times: Number.POSITIVE_INFINITY,
            reply: (_, reply) => (reply.includes("second") && lost++ === 0 ? fate : "pass")
          })
          // a wait that begins now is seen
          yield* until("the worker claims along with a wait", () => ears.size > 0)
          yield* Effect.sleep("100 millis")

          const [, millis] = yield* timed(
            Effect.andThen(
              producer.say(2, { id: "second" }),
              until("the second job has run", () => worker.said.includes(2))
            )
          )

          assert.deepStrictEqual([lost, worker.said], [1, [1, 2]])
          assert.isBelow(millis, 6000)
          assert.strictEqual((yield* counters).rescued, 0)
          yield* sound
        }).pipe(Effect.scoped)
    )
  }

  it.live("F45 200 ± 200 ms each way: leases of a second hold", () =>
    Effect.gen(function* () {
      const { counters, producer, proxy, sound, worker } = yield* place({
        lease: "1 second",
        run: (n) => Effect.sleep(n < 3 ? "2500 millis" : "10 millis")
      })
      proxy.weather = { delay: () => Math.random() * 200 }

      yield* Effect.forEach(numbers(20), (n) => producer.say(n), { concurrency: 20 })
      yield* saidAll(worker.said, 20)

      assert.lengthOf(worker.said, 20)
      assert.deepInclude(yield* counters, { rescued: 0, stale: 0 })
      yield* sound
    }).pipe(Effect.scoped)
  )

  it.live("F46 bytes come one by one: everything is understood", () =>
    Effect.gen(function* () {
      const { producer, proxy, sound, worker } = yield* place({ lease: "10 seconds" }, "20000 millis")
      proxy.weather = { slice: 1 }

      yield* Effect.forEach(numbers(5), (n) => producer.say(n))
      yield* saidAll(worker.said, 5)

      assert.lengthOf(worker.said, 5)
      yield* sound
    }).pipe(Effect.scoped)
  )

  it.live("F48 connections break every 250 ms for 4 s: no job twice, nothing piles up", () =>
    Effect.gen(function* () {
      const warnings: Array<string> = []
      const onWarning = (warning: Error) => void warnings.push(warning.name)
      process.on("warning", onWarning)
      const { counters, producer, proxy, sound, worker } = yield* place()
      const load = yield* Effect.forkChild(
        Effect.forEach(numbers(80), (n) =>
          Effect.andThen(Effect.sleep("40 millis"), producer.say(n, { id: `job-${n}` }))
        )
      )

      for (let flaps = 0; flaps < 16; flaps++) {
        yield* Effect.sleep("250 millis")
        proxy.cutAll()
      }
      yield* Fiber.join(load)
      yield* saidAll(worker.said, 80)
      yield* Effect.sleep("1 second")
      process.off("warning", onWarning)

      assert.lengthOf(worker.said, 80)
      assert.strictEqual((yield* counters).rescued, 0)
      // the producer's commands, the worker's commands, its wake-ups and its notices
      assert.isAtMost(proxy.connected, 4)
      assert.notInclude(warnings, "MaxListenersExceededWarning")
      yield* sound
    }).pipe(Effect.scoped)
  )

  it.live("F49 the name leads to another, empty Redis: said loudly, and new jobs run", () =>
    Effect.gen(function* () {
      const { producer, proxy, worker } = yield* place()
      const other = yield* freshRedis()
      yield* producer.say(1)
      yield* until("the first job has run", () => worker.said.length === 1)

      proxy.target = other.port
      proxy.cutAll()
      yield* producer.say(2)
      yield* until("the second job has run", () => worker.said.length === 2)

      const queues = yield* QueueControl.use((control) => control.queues).pipe(Effect.provideContext(producer.ports))
      assert.deepStrictEqual(queues, ["say"])
      for (const { lines } of [producer, worker]) {
        const told = () => lines.filter((line) => /^redis: .*what was stored before is gone/.test(line)).length
        yield* until("it is said", () => told() > 0)
        assert.strictEqual(told(), 1, lines.join("\n"))
      }
    }).pipe(Effect.scoped)
  )

  it.live("F47 jobs of 12 MB at 4 MB/s with a timeout of 2 s: each runs once", () =>
    Effect.gen(function* () {
      const { counters, producer, proxy, server, sound, worker } = yield* place(
        {
          concurrency: 30,
          // too short for claims that wait, which no deadline bounds
          lease: "3900 millis"
        },
        "2000 millis"
      )
      const direct = yield* producerOn({ url: server.url })
      const padding = "x".repeat(400_000)
      proxy.weather = { bytesPerSecond: 4_000_000 }
      yield* direct.store.enqueue(
        "say",
        numbers(30).map((n) => ({
          id: `job-${n}`,
          kind: "integration.say",
          payload: JSON.stringify({ n, padding }),
          priority: 5,
          maxAttempts: 3,
          retainMillis: 0
        }))
      )

      yield* saidAll(worker.said, 30)

      assert.lengthOf(worker.said, 30)
      assert.deepInclude(yield* counters, { rescued: 0, stale: 0 })
      assert.lengthOf(producer.lines, 0)
      yield* sound
    }).pipe(Effect.scoped)
  )
})

describe("scripts that are forgotten", () => {
  it.live("F25 before every single call: everything goes on, in order", () =>
    Effect.gen(function* () {
      const ran: Array<number> = []
      const { producer, proxy, server, sound, worker } = yield* place({
        run: (n) => Effect.sync(() => void ran.push(n))
      })
      proxy.when({
        matches: ({ name }) => name === "EVALSHA",
        times: Infinity,
        request: async () => {
          await server.ask("SCRIPT", "FLUSH")
          return "pass" as const
        }
      })

      yield* Effect.forEach(numbers(20), (n) => producer.say(n))
      yield* saidAll(worker.said, 20)

      assert.deepStrictEqual(ran, numbers(20))
      yield* sound
    }).pipe(Effect.scoped)
  )

  it.live("F25 between two enqueues on one connection: both are stored", () =>
    Effect.gen(function* () {
      const { producer, proxy, server, sound, worker } = yield* place()
      yield* producer.say(0)
      proxy.when({
        matches: runs("enqueue"),
        request: async () => {
          await server.ask("SCRIPT", "FLUSH")
          return "pass" as const
        }
      })
      // the second finds the script, which somebody else has loaded, and overtakes the first
      proxy.when({
        matches: runs("enqueue"),
        request: async () => {
          await server.ask("SCRIPT", "LOAD", scripts.enqueue.source)
          return "pass" as const
        }
      })

      const first = yield* Effect.forkChild(producer.say(1))
      yield* Effect.yieldNow
      const second = yield* Effect.forkChild(
        Effect.andThen(
          Effect.promise(() => Promise.resolve()),
          producer.say(2)
        )
      )
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      yield* saidAll(worker.said, 3)

      assert.lengthOf(worker.said, 3)
      yield* sound
    }).pipe(Effect.scoped)
  )
})
